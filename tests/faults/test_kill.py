"""F1: kill -9 at random moments; started again it finishes, with nothing lost or made twice."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests import warm
from tests.commands import environment, processed, reelyard, until
from tests.scaled import scaled

KILLS = 20
SEED = 20_261_122


def essence(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """What must be equal, whatever happened on the way: ids and signing times may differ."""
    names = ("start_ms", "end_ms", "title", "tags", "score", "reasons", "transcript")
    return [
        {name: clip[name] for name in (*names, "essence_sha256")} for clip in recording["clips"]
    ]


@pytest.fixture(scope="module")
def calm(match: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The undisturbed run."""
    return processed(match, REELYARD_DATA=str(tmp_path_factory.mktemp("calm") / "data"))[0]


@pytest.fixture(params=["embedded", "scaled"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    data = tmp_path / "killed"
    embedded = nullcontext({"REELYARD_DATA": str(data)})
    with scaled(data) if request.param == "scaled" else embedded as settings:
        yield settings


@pytest.mark.timeout(900)
def test_twenty_kills_change_nothing(
    calm: dict[str, Any], house: dict[str, str], match: Path, tmp_path: Path
) -> None:
    assert calm["clips"]
    chance = random.Random(SEED)
    database = create_engine(
        house.get("REELYARD_DATABASE_URL") or f"sqlite:///{house['REELYARD_DATA']}/reelyard.db"
    )
    killed = 0
    for _ in range(KILLS):
        log, settings = tmp_path / "log", environment(**house)
        child = warm.start("process", str(match), out=log, err=log, environment=settings)
        try:
            until(partial(at_work, child, database), 60, "it is at work")
            child.join(chance.uniform(0.0, 5.0))
            if child.exitcode is not None:
                break
            killed += 1
        finally:
            warm.kill(child)
        assert problems(house) == [], f"seed {SEED}, after kill {killed}"
    database.dispose()
    started = time.monotonic()
    after = processed(match, **house)[0]
    seconds = time.monotonic() - started
    print(f"seed {SEED}: {killed} kills, then done in {seconds:.0f} s")  # noqa: T201 (to repeat it)
    assert after["state"] == "done", after["reason"]
    assert problems(house) == []
    assert essence(after) == essence(calm)


def at_work(child: BaseProcess, database: Engine) -> bool:
    """It has claimed a job of its own, or has ended."""
    try:
        with database.connect() as connection:
            held = connection.execute(
                text("SELECT count(*) FROM job WHERE worker LIKE :worker AND state = 'running'"),
                {"worker": f"%/{child.pid}/%"},
            ).scalar_one()
    except DBAPIError:  # no database yet
        held = 0
    return held > 0 or child.exitcode is not None


def problems(house: dict[str, str]) -> list[str]:
    told = json.loads(reelyard("check", "--json", **house).stdout)
    return [line for lines in told.values() for line in lines]
