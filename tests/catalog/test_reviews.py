"""What a creator does with a moment: it happens at once, once, and can be taken back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from catalog import listings, recordings, reviews
from catalog.errors import CatalogError, NotFound, Refusal
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.clip import Clip
from models.event import Event
from models.job import Job, JobState
from models.listing import Listing, ListingState
from models.recording import Recording, RecordingState, settle
from models.review import Review, factors
from tests import factories

pytestmark = pytest.mark.usefixtures("database")


@dataclass(frozen=True)
class Desk:
    recording_id: str
    chosen_id: str
    """On sale as clip_id, 1:00 to 1:27."""
    rejected_id: str
    clip_id: str


@pytest.fixture
def desk() -> Desk:
    with unit_of_work() as session:
        recording = factories.recording(session, reason="No moment stood out")
        factories.analysis(session, recording, [{"score": 0.1}] * 600)
        chosen = factories.candidate(session, recording)
        rejected = factories.candidate(
            session,
            recording,
            rank=1,
            start_ms=200_000,
            end_ms=220_000,
            peak_ms=210_000,
            score=0.2,
            reasons={"laughter": 0.2},
            chosen=False,
            why_not="Nobody reacts to it.",
        )
        clip = factories.clip(session, recording, candidate_id=chosen.id)
        factories.listing(session, clip)
        return Desk(recording.id, chosen.id, rejected.id, clip.id)


def done(what: Callable[..., Review], *given: object) -> Review:
    with unit_of_work() as session:
        return what(session, *given)


def made(candidate_id: str, **values: object) -> str:
    """What the steps `clip` and `publish` leave behind."""
    with unit_of_work() as session:
        candidate = session.get_one(Candidate, candidate_id)
        span = {"start_ms": candidate.start_ms, "end_ms": candidate.end_ms}
        recording = session.get_one(Recording, candidate.recording_id)
        clip = factories.clip(session, recording, candidate_id=candidate_id, **{**span, **values})
        listings.publish(session, clip.id, visible_from_ms=None)
        reviews.take_place(session, clip.id)
        for job in session.scalars(select(Job)):
            job.state = JobState.DONE
        recording.state = RecordingState.DONE
        return clip.id


def on_sale() -> set[str]:
    with reading() as session:
        rows = session.scalars(select(Listing).where(Listing.state == ListingState.PUBLIC))
        return {row.clip_id for row in rows}


def jobs() -> list[tuple[str, str, str]]:
    with reading() as session:
        return [(job.step, job.subject, job.state) for job in session.scalars(select(Job))]


def standing(desk: Desk) -> dict[str, str]:
    with reading() as session:
        return {
            one.candidate.id: one.standing
            for one in recordings.get(session, desk.recording_id).moments
        }


def test_a_promoted_moment_is_asked_for_and_the_recording_works_again(desk: Desk) -> None:
    review = done(reviews.promote, desk.rejected_id)
    assert (review.verdict, review.score, review.reasons) == ("promoted", 0.2, {"laughter": 0.2})
    assert jobs() == [("clip", desk.rejected_id, "ready")]
    assert standing(desk)[desk.rejected_id] == "being made"
    with reading() as session:
        recording = session.get_one(Recording, desk.recording_id)
        assert (recording.state, recording.done_ms) == ("working", None)
        assert recording.reason == "No moment stood out", "which stays true"
        event = session.scalars(select(Event).where(Event.kind == "moment.promoted")).one()
        assert event.subject == desk.rejected_id
        assert factors(session, recording.creator_id, "auto")["laughter"] > 1


def test_promoting_twice_makes_one_clip_and_one_review(desk: Desk) -> None:
    first, second = (done(reviews.promote, desk.rejected_id) for _ in range(2))
    assert first.id == second.id
    assert len(jobs()) == 1
    made(desk.rejected_id)
    assert done(reviews.promote, desk.rejected_id).id == first.id
    assert len(jobs()) == 1


def test_promoting_at_once_by_many_makes_one_clip(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        reviewed = list(pool.map(lambda _: done(reviews.promote, desk.rejected_id).id, range(8)))
    assert len(set(reviewed)) == 1
    assert len(jobs()) == 1


def test_undoing_a_promotion_withdraws_what_it_made_and_promoting_again_restores_it(
    desk: Desk,
) -> None:
    review = done(reviews.promote, desk.rejected_id)
    clip_id = made(desk.rejected_id)
    assert clip_id in on_sale()
    done(reviews.undo, review.id)
    assert clip_id not in on_sale()
    assert standing(desk)[desk.rejected_id] == "not chosen"
    done(reviews.promote, desk.rejected_id)
    assert clip_id in on_sale()
    with reading() as session:
        assert session.get_one(Recording, desk.recording_id).state == "done", "nothing to work on"


def test_a_promotion_undone_before_it_was_made_leaves_nothing_on_sale(desk: Desk) -> None:
    review = done(reviews.promote, desk.rejected_id)
    done(reviews.undo, review.id)
    assert made(desk.rejected_id) not in on_sale()


def test_what_ended_without_effect_is_asked_for_anew(desk: Desk) -> None:
    review = done(reviews.promote, desk.rejected_id)
    done(reviews.undo, review.id)
    with unit_of_work() as session:  # the worker saw that nobody wants it
        session.scalars(select(Job)).one().state = JobState.DONE
        session.get_one(Recording, desk.recording_id).state = RecordingState.DONE
    done(reviews.promote, desk.rejected_id)
    assert jobs() == [("clip", desk.rejected_id, "ready")]
    with reading() as session:
        assert session.get_one(Recording, desk.recording_id).state == "working"


def test_what_the_scout_said_stays_when_a_promotion_is_undone(desk: Desk) -> None:
    done(reviews.undo, done(reviews.promote, desk.rejected_id).id)
    with unit_of_work() as session:  # the worker saw that nobody wants it
        session.scalars(select(Job)).one().state = JobState.DONE
        session.flush()
        settle(session, desk.recording_id)
        recording = session.get_one(Recording, desk.recording_id)
        assert (recording.state, recording.reason) == ("done", "No moment stood out")


def test_promoting_what_was_discarded_puts_it_back_on_sale(desk: Desk) -> None:
    promoted = done(reviews.promote, desk.rejected_id)
    clip_id = made(desk.rejected_id)
    discarded = done(reviews.discard, clip_id)
    again = done(reviews.promote, desk.rejected_id)
    assert again.id == discarded.id
    assert again.undone_ms is not None
    assert clip_id in on_sale()
    assert done(reviews.promote, desk.rejected_id).id == promoted.id


def test_keeping_changes_nothing_but_what_is_learnt(desk: Desk) -> None:
    first, second = (done(reviews.keep, desk.clip_id) for _ in range(2))
    assert first.id == second.id
    assert on_sale() == {desk.clip_id}
    assert jobs() == []


def test_discarding_withdraws_at_once_and_undoing_puts_it_back(desk: Desk) -> None:
    review = done(reviews.discard, desk.clip_id)
    assert on_sale() == set()
    assert standing(desk)[desk.chosen_id] == "discarded"
    assert done(reviews.discard, desk.clip_id).id == review.id, "twice is once"
    with pytest.raises(NotFound):
        done(reviews.keep, desk.clip_id)
    done(reviews.undo, review.id)
    done(reviews.undo, review.id)
    assert on_sale() == {desk.clip_id}
    assert standing(desk)[desk.chosen_id] == "on sale"


def test_a_trim_replaces_the_clip_when_it_is_on_sale(desk: Desk) -> None:
    review = done(reviews.trim, desk.clip_id, 62_340, 84_000)
    with reading() as session:
        asked = session.get_one(Candidate, review.candidate_id)
        assert (asked.start_ms, asked.end_ms, asked.exact) == (62_340, 84_000, True)
        assert (asked.score, asked.reasons) == (0.9, {"cheer": 0.7, "applause": 0.2})
    assert on_sale() == {desk.clip_id}, "until the new one is made"
    with pytest.raises(Refusal):
        done(reviews.discard, desk.clip_id)
    new = made(review.candidate_id)
    assert on_sale() == {new}
    assert standing(desk) == {
        desk.chosen_id: "replaced",
        desk.rejected_id: "not chosen",
        review.candidate_id: "on sale",
    }
    done(reviews.undo, review.id)
    assert on_sale() == {desk.clip_id}
    assert review.candidate_id not in standing(desk), "a span of one's own that was taken back"


def test_a_trim_undone_while_it_is_made_leaves_the_old_clip(desk: Desk) -> None:
    review = done(reviews.trim, desk.clip_id, 62_000, 84_000)
    done(reviews.undo, review.id)
    made(review.candidate_id)
    assert on_sale() == {desk.clip_id}


def test_trims_of_trims_are_undone_newest_first(desk: Desk) -> None:
    first = done(reviews.trim, desk.clip_id, 62_000, 84_000)
    middle = made(first.candidate_id)
    second = done(reviews.trim, middle, 63_000, 84_000)
    last = made(second.candidate_id)
    assert on_sale() == {last}
    with pytest.raises(Refusal, match="trim"):
        done(reviews.undo, first.id)
    done(reviews.undo, second.id)
    assert on_sale() == {middle}
    done(reviews.undo, first.id)
    assert on_sale() == {desk.clip_id}


def test_the_same_trim_again_brings_the_same_clip_back(desk: Desk) -> None:
    first = done(reviews.trim, desk.clip_id, 62_000, 84_000)
    new = made(first.candidate_id)
    done(reviews.undo, first.id)
    done(reviews.trim, desk.clip_id, 62_000, 84_000)
    assert on_sale() == {new}


def test_only_the_newest_deed_can_be_undone(desk: Desk) -> None:
    promoted = done(reviews.promote, desk.rejected_id)
    clip_id = made(desk.rejected_id)
    kept = done(reviews.keep, clip_id)
    discarded = done(reviews.discard, clip_id)
    with pytest.raises(Refusal, match="newer"):
        done(reviews.undo, promoted.id)
    done(reviews.undo, discarded.id)
    done(reviews.undo, promoted.id)
    assert clip_id not in on_sale()
    with reading() as session:
        assert session.get_one(Review, kept.id).undone_ms is not None, "nothing is left to keep"


def test_a_span_of_ones_own_is_worth_the_moment_it_holds_or_nothing(desk: Desk) -> None:
    with_moment = done(reviews.ask_for, desk.recording_id, 205_000, 215_500)
    without = done(reviews.ask_for, desk.recording_id, 300_000, 301_000)
    assert (with_moment.score, with_moment.reasons) == (0.2, {"laughter": 0.2})
    assert (without.score, without.reasons) == (0.0, {})
    with reading() as session:
        asked = session.get_one(Candidate, without.candidate_id)
        assert (asked.exact, asked.chosen, asked.rank) == (True, False, 3)
        assert asked.asked_ms


def test_the_same_span_asked_for_twice_is_one_clip(desk: Desk) -> None:
    first, second = (done(reviews.ask_for, desk.recording_id, 1_000, 9_000) for _ in range(2))
    assert first.id == second.id
    clip_id = made(first.candidate_id)
    done(reviews.discard, clip_id)
    again = done(reviews.ask_for, desk.recording_id, 1_000, 9_000)
    assert (again.verdict, again.undone_ms is None) == ("discarded", False)
    assert clip_id in on_sale(), "who asks for it again wants it back"


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "says"),
    [
        (9_000, 1_000, "start lies at or after the end"),
        (1_000, 1_000, "start lies at or after the end"),
        (1_000, 1_999, "one second at least"),
        (590_000, 600_001, "stay inside it"),
        (-1, 5_000, "stay inside it"),
    ],
)
def test_a_span_that_cannot_be_is_refused_in_a_sentence(
    desk: Desk, start_ms: int, end_ms: int, says: str
) -> None:
    for what, whose in ((reviews.ask_for, desk.recording_id), (reviews.trim, desk.clip_id)):
        with pytest.raises(Refusal, match=says):
            done(what, whose, start_ms, end_ms)
    assert jobs() == []


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    with pytest.raises(Refusal, match="clip already"):
        done(reviews.promote, desk.chosen_id)
    with pytest.raises(Refusal, match="begins and ends there already"):
        done(reviews.trim, desk.clip_id, 60_000, 87_000)
    for what in (reviews.promote, reviews.keep, reviews.discard, reviews.undo):
        with pytest.raises(NotFound):
            done(what, "0" * 32)


@pytest.mark.parametrize(
    "values",
    [
        {"state": RecordingState.REJECTED, "reason": "It is a picture"},
        {"state": RecordingState.WORKING, "probe": None, "duration_ms": None},
    ],
)
def test_a_recording_that_cannot_be_cut_is_refused(values: dict[str, object]) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, **values)
    with pytest.raises(Refusal):
        done(reviews.ask_for, recording.id, 0, 5_000)


def test_a_clip_under_embargo_is_nobodys_to_review(desk: Desk) -> None:
    with unit_of_work() as session:
        session.scalars(select(Listing)).one().visible_from_ms += factories.DAY_MS
    for what in (reviews.keep, reviews.discard):
        with pytest.raises(CatalogError):
            done(what, desk.clip_id)


def test_a_clip_keeps_its_row_when_it_is_discarded(desk: Desk) -> None:
    done(reviews.discard, desk.clip_id)
    with reading() as session:
        assert session.get_one(Clip, desk.clip_id).listing is not None
        kinds = session.scalars(select(Event.kind).order_by(Event.at_ms)).all()
        assert "listing.withdrawn" in kinds
        assert "moment.discarded" in kinds
