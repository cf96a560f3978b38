"""`reelyard clip`: exactly this span, snapped to frames, made here and now, or one sentence."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import reviews
from models.base import reading, unit_of_work
from models.listing import Listing, ListingState
from models.recording import Recording
from models.steps import LIGHT, MEDIA, ask
from tests import factories, media
from tests.commands import processed, reelyard
from workers import asked
from workers.flow import run_one

RATE = Fraction(30_000, 1_001)
FRAME_MS = 1_001 / 30


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("house") / "data"
    return {
        "REELYARD_DATA": str(data),
        "REELYARD_RENDITIONS": "false",
        "REELYARD_SPEECH": "none",
    }


@pytest.fixture(scope="module")
def recording(house: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of 20 s of numbered frames, 29.97 a second, in which nothing is a highlight."""
    film = media.numbered(
        tmp_path_factory.mktemp("film") / "numbers.mp4", 600, str(RATE), *media.X264, "-g", "250"
    )
    told = processed(film, **house)[0]
    assert (told["state"], told["clips"]) == ("done", [])
    return str(told["id"])


def clip(
    house: dict[str, str], *arguments: str, code: int = 0
) -> "subprocess.CompletedProcess[str]":
    done = reelyard("clip", *arguments, **house)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_the_clip_is_exactly_what_was_asked_for(house: dict[str, str], recording: str) -> None:
    """Shorter than clip_min_s, off any pause or cut: from the first frame at 5.02 s on."""
    made = json.loads(clip(house, recording, "5.02", "7600ms", "--json").stdout)
    first, after = 151, 228  # 151 x 33.37 ms is 5,038 ms; 228 x is 7,608 ms
    assert made["start_ms"] == round(first * FRAME_MS)
    assert abs(made["end_ms"] - after * FRAME_MS) < FRAME_MS
    master = Path(made["files"]["master"])
    assert media.numbers(master) == list(range(first, after))
    assert (made["score"], made["reasons"]) == (0.0, {}), "nobody measured it"
    assert made["url"].endswith(f"/clips/{made['id']}")


def test_asked_for_again_it_is_the_same_clip_and_an_id_may_be_cut_short(
    house: dict[str, str], recording: str
) -> None:
    first = json.loads(clip(house, recording, "1", "3.5", "--json").stdout)
    done = clip(house, recording[:8], "0:01", "0:03.5")
    assert first["url"] in done.stdout
    assert first["title"] in done.stdout
    rows = json.loads(reelyard("status", "--json", **house).stdout)["recordings"]
    assert [row["state"] for row in rows] == ["done"]
    assert reelyard("check", **house).returncode == 0


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("soon", "7", "“soon” is no time. Write it as 1:02:03.5, 62.5 (seconds) or 62500ms."),
        ("7", "5", "The start lies at or after the end."),
        ("5", "5.5", "A clip lasts one second at least."),
        ("15", "1:00", "This recording goes from 0:00 to 0:20"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    house: dict[str, str], recording: str, start: str, end: str, says: str
) -> None:
    done = clip(house, recording, start, end, code=2)
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["0000000000", "%", "../x", "g"])
def test_an_unknown_recording(house: dict[str, str], recording: str, name: str) -> None:
    done = clip(house, name, "1", "5", code=2)
    assert f"There is no recording {name}" in done.stderr
    assert "reelyard status" in done.stderr


@pytest.mark.usefixtures("database")
def test_what_was_taken_back_before_its_turn_is_not_made() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        candidate = factories.candidate(session, recording, chosen=False)
        reviews.undo(session, reviews.promote(session, candidate.id).id)
    assert run_one(MEDIA)
    with reading() as session:
        row = session.get_one(Recording, recording.id)
        assert (row.state, row.clips) == ("done", [])


@pytest.mark.usefixtures("database")
def test_nobody_waits_for_a_clip_that_was_taken_back() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        review = reviews.ask_for(session, recording.id, 1_000, 9_000)
    assert asked._look(review.candidate_id) == (None, "Cut a clip")
    with unit_of_work() as session:
        reviews.undo(session, review.id)
    with pytest.raises(asked.NotMade, match="taken back"):
        asked._look(review.candidate_id)


def published(values: dict[str, object], **sidecar: int) -> Listing:
    """What the step `publish` makes of a clip whose candidate has these values."""
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar=sidecar)
        old = factories.clip(session, recording, title="The longer one")
        factories.listing(session, old)
        candidate = factories.candidate(session, recording, **values)
        if candidate.replaces_id:
            candidate.replaces_id = old.id
        clip = factories.clip(session, recording, candidate_id=candidate.id)
        ask(session, "publish", clip.id, recording.id)
        recording.state = "working"
    assert run_one(LIGHT)
    with reading() as session:
        states = {row.clip_id: row.state for row in session.scalars(select(Listing))}
        replaced = states[old.id] == ListingState.WITHDRAWN
        assert replaced == bool(values.get("replaces_id") and values.get("asked_ms"))
        assert session.get_one(Recording, recording.id).state == "done"
        return session.scalars(select(Listing).filter_by(clip_id=clip.id)).one()


@pytest.mark.usefixtures("database")
def test_a_trimmed_clip_takes_the_old_ones_place_when_it_is_published() -> None:
    trimmed = {"chosen": False, "asked_ms": 1, "replaces_id": "old"}
    assert published(trimmed).state == ListingState.PUBLIC


@pytest.mark.usefixtures("database")
def test_a_clip_taken_back_while_it_was_made_never_comes_on_sale() -> None:
    taken_back = {"chosen": False, "asked_ms": None, "replaces_id": "old"}
    assert published(taken_back).state == ListingState.WITHDRAWN


@pytest.mark.usefixtures("database")
def test_a_clip_asked_for_after_the_embargo_is_new_today() -> None:
    listing = published({}, embargo_ms=1_000)
    assert listing.visible_from_ms == pytest.approx(listing.published_ms, abs=10_000)
    later = published({}, embargo_ms=4_000_000_000_000)
    assert later.visible_from_ms == 4_000_000_000_000
