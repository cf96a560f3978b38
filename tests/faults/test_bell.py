"""F11: Redis is only a bell. Emptied again and again, it loses no work."""

import time
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text

from pipeline import ffmpeg
from tests.commands import running, until
from tests.servers import redis_server

FILES = 6
EMPTIED_EVERY_S = 2
"""Longer than a worker takes to hear a bell: oftener would test patience, not the bell."""


def now_in_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.timeout(300)
def test_an_emptied_redis_loses_nothing(home: Path, tmp_path: Path) -> None:
    database = create_engine(f"sqlite:///{home / 'reelyard.db'}")

    def count(question: str) -> int:
        with database.connect() as connection:
            return int(connection.execute(text(question)).scalar_one())

    with redis_server() as url:
        settings = {"REELYARD_DATA": str(home), "REELYARD_BROKER_URL": url}
        bell = redis.Redis.from_url(url)
        emptied = [0.0]

        def done() -> bool:
            if time.monotonic() - emptied[0] > EMPTIED_EVERY_S:
                bell.flushall()
                emptied[0] = time.monotonic()
            return count("SELECT count(*) FROM recording WHERE state = 'done'") == FILES

        def asked() -> bool:
            return count("SELECT count(*) FROM job WHERE state = 'ready'") == FILES

        with running("watch", log=tmp_path / "watch.log", **settings):
            until((home / "inbox").exists, 60, "the inbox is there")
            for number in range(FILES):
                tone = home / "inbox" / f"{number}.m4a"
                sound = f"sine=frequency={300 + number}:d=2"
                ffmpeg.run(["-f", "lavfi", "-i", sound, "-c:a", "aac", ffmpeg.url(tone)])
            until(asked, 60, "every recording is taken")
            with database.begin() as connection:  # rung for in a Redis that forgot
                connection.execute(text("UPDATE job SET rung_ms = :now"), {"now": now_in_ms()})
            with running("work", log=tmp_path / "work.log", **settings):
                until(done, 180, "every recording is done")
        bell.close()
    database.dispose()
