"""The highlight reel of a recording: made by itself, remade when its clips change."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import listings, recordings, reels
from models.base import reading, unit_of_work
from models.clip import AssetKind, Clip, ClipKind
from models.job import Job, JobState
from models.listing import ListingState
from models.pool import ReelPart
from models.recording import Recording, RecordingState
from models.settings import settings
from models.steps import LIGHT, MEDIA, ask
from pipeline import provenance
from pipeline.timeline import Span
from tests import signed_clips
from tests.media import numbers
from workers import check, flow, report


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return signed_clips.cut(tmp_path_factory.mktemp("masters"))


@pytest.fixture
def recording_id(masters: list[Path], tmp_path: Path, database: Path) -> str:
    return signed_clips.recording_of(masters, tmp_path)


def look(recording_id: str) -> None:
    with unit_of_work() as session:
        reels.look(session, recording_id)


def jobs() -> list[Job]:
    with reading() as session:
        return list(session.scalars(select(Job).filter_by(step="reel").order_by(Job.created_ms)))


def run() -> None:
    """What is due of reels, and their listings."""
    with unit_of_work() as session:
        for job in session.scalars(select(Job).filter_by(step="reel", state=JobState.READY)):
            job.run_after_ms = 0
    while flow.run_one(MEDIA) or flow.run_one(LIGHT):
        pass
    assert [job.error for job in jobs() if job.error] == []


def all_reels(recording_id: str) -> list[Clip]:
    found = signed_clips.clips(recording_id)
    return [clip for clip in found if clip.kind == ClipKind.REEL]


def on_sale(recording_id: str) -> list[Clip]:
    return [
        reel
        for reel in all_reels(recording_id)
        if reel.listing is not None and reel.listing.state == ListingState.PUBLIC
    ]


def parts_of(reel: Clip) -> list[tuple[str, int]]:
    with reading() as session:
        wanted = select(ReelPart).filter_by(reel_id=reel.id).order_by(ReelPart.position)
        return [(part.clip_id, part.at_ms) for part in session.scalars(wanted)]


def test_it_is_its_clips_in_order_with_manifest_and_words(recording_id: str) -> None:
    clips = signed_clips.clips(recording_id)
    look(recording_id)
    run()
    reel = on_sale(recording_id)[0]
    assert reel.title == "Highlights of Cup final"
    assert (reel.start_ms, reel.end_ms, reel.length_ms) == (0, 3_600, 3_600)
    assert reel.score == pytest.approx(0.6)
    assert parts_of(reel) == [(clips[0].id, 0), (clips[1].id, 1_400), (clips[2].id, 2_400)]
    master = signed_clips.file_of(reel.asset(AssetKind.MASTER))
    assert numbers(master) == [number for frames in signed_clips.FRAMES for number in frames]
    said = provenance.read(master, provenance.anchors(settings().resolved_keys))
    assert (said.state, said.clip_id) == ("Trusted", reel.id)
    assert said.part_clip_ids == tuple(clip.id for clip in clips)
    assert {asset.kind for asset in reel.assets} == {
        *(AssetKind.MASTER, AssetKind.MANIFEST, AssetKind.POSTER, AssetKind.CAPTIONS),
        *(AssetKind.PREVIEW, AssetKind.HOVER, AssetKind.STORYBOARD),
    }
    assert reel.transcript is not None
    first = [segment["start_ms"] for segment in reel.transcript.segments]
    assert first == [0, 1_400, 2_400]
    captions = signed_clips.file_of(reel.asset(AssetKind.CAPTIONS)).read_text()
    assert "the first goal" in captions.replace("\n", " ")


def test_it_disturbs_neither_pages_nor_counts_nor_the_check(recording_id: str) -> None:
    def seen() -> tuple[object, ...]:
        with reading() as session:
            detail = recordings.get(session, recording_id)
            shown = [clip.id for clip in detail.clips], detail.held, detail.progress.total
        told = report.recordings_json([recording_id])["recordings"][0]
        return *shown, told["state"], [clip["id"] for clip in told["clips"]]

    before = seen()
    look(recording_id)
    run()
    assert len(on_sale(recording_id)) == 1
    assert seen() == before
    assert report.status_json()["recordings"][0]["clips"] == 3
    assert list(check.nothing_twice()) == []
    assert list(check.manifests_hold()) == []
    assert list(check.recordings_end()) == []


def test_it_is_asked_for_when_the_recording_is_done_and_only_then(recording_id: str) -> None:
    with unit_of_work() as session:
        session.get_one(Recording, recording_id).state = RecordingState.WORKING
        ask(session, "publish", signed_clips.clips(recording_id)[0].id, recording_id)
    look(recording_id)
    assert jobs() == []
    assert flow.run_one(LIGHT)
    with reading() as session:
        assert session.get_one(Recording, recording_id).state == RecordingState.DONE
    asked = jobs()
    assert [(job.subject, job.recording_id) for job in asked] == [(recording_id, None)]


def test_a_part_that_goes_takes_the_reel_with_it_and_a_new_one_comes(recording_id: str) -> None:
    clips = signed_clips.clips(recording_id)
    look(recording_id)
    run()
    first = on_sale(recording_id)[0]
    with unit_of_work() as session:
        listings.withdraw(session, clips[1].id, "discarded")
    assert on_sale(recording_id) == [], "at once: what was withdrawn is not shown in a reel"
    run()
    assert on_sale(recording_id) == [], "two clips are no highlights"
    with unit_of_work() as session:
        listings.restore(session, clips[1].id, "undone")
    assert [reel.id for reel in on_sale(recording_id)] == [first.id]
    run()
    assert len(all_reels(recording_id)) == 1, "nothing was encoded again"


def test_with_a_fourth_clip_another_takes_its_place(
    recording_id: str, masters: list[Path], tmp_path: Path
) -> None:
    look(recording_id)
    run()
    first = on_sale(recording_id)[0]
    other = signed_clips.recording_of(masters[:1], tmp_path, spoken=False)
    with unit_of_work() as session:
        fourth = session.get_one(Clip, signed_clips.clips(other)[0].id)
        fourth.recording_id = recording_id
        fourth.start_ms, fourth.end_ms = 8_600, 10_000
    look(recording_id)
    assert on_sale(recording_id) == []
    run()
    second = on_sale(recording_id)[0]
    assert second.id != first.id
    assert second.length_ms == 5_000
    with unit_of_work() as session:
        listings.withdraw(session, fourth.id, "discarded")
    assert [reel.id for reel in on_sale(recording_id)] == [first.id]


def test_one_that_a_person_withdrew_does_not_come_back(recording_id: str) -> None:
    look(recording_id)
    run()
    with unit_of_work() as session:
        listings.withdraw(session, on_sale(recording_id)[0].id, "the creator does not like it")
    look(recording_id)
    run()
    assert on_sale(recording_id) == []


def test_changes_in_a_row_lead_to_one_reel(recording_id: str) -> None:
    """Each asks for another, but only what is still wanted is made."""
    clips = signed_clips.clips(recording_id)
    look(recording_id)
    with unit_of_work() as session:
        listings.withdraw(session, clips[0].id, "discarded")
    with unit_of_work() as session:
        listings.restore(session, clips[0].id, "undone")
    run()
    assert len(all_reels(recording_id)) == 1
    assert {job.state for job in jobs()} == {JobState.DONE}


def clip(number: int, start_s: int, length_s: int, score: float) -> Clip:
    return Clip(
        id=f"{number:032x}",
        start_ms=start_s * 1_000,
        end_ms=(start_s + length_s) * 1_000,
        score=score,
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(1, 95), st.floats(0, 1)), min_size=0, max_size=14
    )
)
def test_the_best_that_fit_in_order_and_none_twice(drawn: list[tuple[int, int, float]]) -> None:
    clips = [clip(number, *one) for number, one in enumerate(drawn)]
    best = reels.best(clips)
    spans = [Span(one.start_ms, one.end_ms) for one in best]
    assert spans == sorted(spans, key=lambda one: one.start_ms)
    assert sum(span.length_ms for span in spans) <= reels.LONGEST_MS
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(spans))
    assert len(best) != 1
    if len(clips) < reels.LEAST_CLIPS:
        assert best == []
    if best:
        top = max(
            (one for one in clips if one.length_ms <= reels.LONGEST_MS),
            key=lambda one: (one.score, -one.start_ms),
        )
        assert max(one.score for one in best) == top.score
    assert reels.best(list(reversed(clips))) == best
