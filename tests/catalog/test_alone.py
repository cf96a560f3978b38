"""What somebody licensed for themselves is sold to nobody else in another form."""

from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import licenses, listings, reels, reviews
from catalog.errors import Refusal
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.clip import Clip, ClipKind
from models.job import Job
from models.listing import Listing, ListingState
from models.pool import ReelPart
from models.recording import Recording
from tests import factories
from tests import order_factories as shop

EXCLUSIVE = {"media": ["web"], "territory": ["DE"], "term_days": 30}


@pytest.fixture
def recording_id(database: Path) -> str:
    """Done, with three clips on sale and their reel."""
    with unit_of_work() as session:
        recording = factories.recording(session)
        clips = [
            factories.clip(
                session,
                recording,
                start_ms=start * 1_000,
                end_ms=(start + 20) * 1_000,
                candidate_id=factories.candidate(
                    session, recording, rank=start, start_ms=start * 1_000
                ).id,
            )
            for start in (0, 30, 60)
        ]
        for clip in clips:
            factories.listing(session, clip)
        reel = factories.clip(
            session,
            recording,
            kind=ClipKind.REEL,
            start_ms=0,
            end_ms=60_000,
            spec=reels.spec(clips),
        )
        factories.listing(session, reel)
        for position, clip in enumerate(clips):
            session.add(ReelPart(reel_id=reel.id, position=position, clip_id=clip.id, at_ms=0))
        return recording.id


def listing(recording_id: str, kind: ClipKind = ClipKind.CLIP) -> Listing:
    """The first in time."""
    with reading() as session:
        wanted = select(Listing).join(Clip).where(Clip.recording_id == recording_id)
        return session.scalars(wanted.where(Clip.kind == kind).order_by(Clip.start_ms)).first()  # type: ignore[return-value]


def wanted(recording_id: str) -> list[str]:
    with reading() as session:
        return [clip.id for clip in reels.wanted(session, recording_id)]


def test_an_exclusive_takes_its_clip_out_of_the_reel_until_it_is_given_back(
    recording_id: str,
) -> None:
    sold = listing(recording_id)
    reel = listing(recording_id, ClipKind.REEL)
    before, _ = shop.paid(shop.OTHER, listing_id=reel.id)
    order_id, _ = shop.paid(listing_id=sold.id, kind="exclusive", use=EXCLUSIVE)
    assert sold.clip_id not in wanted(recording_id)
    assert listing(recording_id, ClipKind.REEL).state == ListingState.WITHDRAWN, "at once"
    [kept] = shop.licenses_of(before)
    assert kept.state == "active", "who licensed the reel before has it on"
    with unit_of_work() as session:
        licenses.revoke(session, shop.licenses_of(order_id)[0].id, "refunded")
    assert sold.clip_id in wanted(recording_id)
    assert listing(recording_id, ClipKind.REEL).state == ListingState.PUBLIC


def test_what_is_not_exclusive_stays_in_the_reel(recording_id: str) -> None:
    sold = listing(recording_id)
    shop.paid(listing_id=sold.id)
    assert sold.clip_id in wanted(recording_id)
    assert listing(recording_id, ClipKind.REEL).state == ListingState.PUBLIC
    with reading() as session:
        assert session.scalars(select(Job).filter_by(step="reel")).all() == []


def test_a_clip_that_one_has_alone_is_not_trimmed(recording_id: str) -> None:
    sold = listing(recording_id)
    shop.paid(listing_id=sold.id, kind="exclusive", use=EXCLUSIVE)
    with unit_of_work() as session, pytest.raises(Refusal, match="can be trimmed from") as told:
        reviews.trim(session, sold.clip_id, 1_000, 9_000)
    assert told.value.code == "exclusive_sold"


def test_no_second_clip_is_made_of_seconds_that_one_has_alone(recording_id: str) -> None:
    sold = listing(recording_id)
    shop.paid(listing_id=sold.id, kind="exclusive", use=EXCLUSIVE)
    told = "0:10 to 0:20 is part of a clip that somebody licensed for themselves"
    with unit_of_work() as session, pytest.raises(Refusal, match=told) as refused:
        reviews.ask_for(session, recording_id, 10_000, 28_000)
    assert refused.value.code == "exclusive_sold"
    assert isinstance(refused.value.facts["next_free_ms"], int)
    with unit_of_work() as session:
        reviews.ask_for(session, recording_id, 20_000, 29_000)


def test_a_clip_that_shares_seconds_with_it_leaves_the_sale_until_it_is_given_back(
    recording_id: str,
) -> None:
    with unit_of_work() as session:
        recording = session.get_one(Recording, recording_id)
        beside = factories.clip(session, recording, start_ms=15_000, end_ms=25_000)
        apart = factories.clip(session, recording, start_ms=20_000, end_ms=30_000)
        shown = {clip.id: factories.listing(session, clip).id for clip in (beside, apart)}

    def state(clip: Clip) -> ListingState:
        with reading() as session:
            return session.get_one(Listing, shown[clip.id]).state

    order_id, _ = shop.paid(listing_id=listing(recording_id).id, kind="exclusive", use=EXCLUSIVE)
    assert (state(beside), state(apart)) == (ListingState.WITHDRAWN, ListingState.PUBLIC)
    with unit_of_work() as session:
        assert listings.restore(session, beside.id, "asked for again")
    assert state(beside) == ListingState.WITHDRAWN, "a person does not put it beside it either"
    with unit_of_work() as session:
        licenses.revoke(session, shop.licenses_of(order_id)[0].id, "refunded")
    assert state(beside) == ListingState.PUBLIC


def test_a_trim_that_was_under_way_does_not_come_on_sale_beside_it(recording_id: str) -> None:
    sold = listing(recording_id)
    with unit_of_work() as session:
        candidate_id = reviews.trim(session, sold.clip_id, 1_000, 9_000).candidate_id
    shop.paid(listing_id=sold.id, kind="exclusive", use=EXCLUSIVE)
    with unit_of_work() as session:
        candidate = session.get_one(Candidate, candidate_id)
        made = factories.clip(
            session, candidate.recording, start_ms=1_000, end_ms=9_000, candidate_id=candidate_id
        )
        trimmed = factories.listing(session, made)
        reviews.take_place(session, made.id)
    with reading() as session:
        assert session.get_one(Listing, trimmed.id).state == ListingState.WITHDRAWN
        assert session.get_one(Listing, sold.id).state == ListingState.PUBLIC
