"""Publish, withdraw, look at one. What a search finds: test_search.py."""

import time

import pytest
from sqlalchemy import func, select

from catalog import listings
from catalog.errors import NotFound
from models.base import reading, unit_of_work
from models.event import Event
from models.listing import Listing, ListingState, Release
from tests import factories

pytestmark = pytest.mark.usefixtures("database")


def now() -> int:
    return int(time.time() * 1000)


def test_publishing_twice_is_one_listing_and_one_event() -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        first = listings.publish(session, clip.id, visible_from_ms=None)
        again = listings.publish(session, clip.id, visible_from_ms=5)
        assert again.id == first.id
        assert again.visible_from_ms != 5
    with unit_of_work() as session:
        assert listings.publish(session, clip.id, visible_from_ms=None).id == first.id
        assert session.scalar(select(func.count()).select_from(Listing)) == 1
        events = session.scalars(select(Event).filter_by(kind="listing.published")).all()
        assert [event.subject for event in events] == [first.id]
    with unit_of_work() as session, pytest.raises(NotFound):
        listings.publish(session, "0" * 32, visible_from_ms=None)


def test_a_listing_has_copies_of_what_it_is_found_by() -> None:
    with unit_of_work() as session:
        recording = factories.recording(
            session, sidecar={"series": "Harbour Cup", "language": "PT-br", "releases": ["all"]}
        )
        clip = factories.clip(session, recording, reasons={"cheer": 0.2, "laughter": 0.7})
        listing = factories.listing(session, clip)
        assert listing.creator_id == recording.creator_id
        assert (listing.series, listing.language) == ("Harbour Cup", "pt-br")
        assert (listing.event_kind, listing.score) == ("laughter", 0.9)
        assert (listing.length_ms, listing.release) == (27_000, Release.CLEARED)
        assert listing.price_from_cents is None


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ({}, Release.UNKNOWN),
        ({"releases": None}, Release.UNKNOWN),
        ({"releases": []}, Release.EDITORIAL),
        ({"releases": [" Editorial "]}, Release.EDITORIAL),
        ({"releases": ["model", "property"]}, Release.CLEARED),
    ],
)
def test_what_a_sidecar_says_of_releases(said: dict[str, object], release: Release) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar=said)
        assert factories.listing(session, factories.clip(session, recording)).release == release


def test_a_clip_that_nothing_decided_is_of_the_kind_its_recording_was_taken_for() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        factories.analysis(session, recording, [], profile="talk")
        listing = factories.listing(session, factories.clip(session, recording, reasons={}))
        assert listing.event_kind == "talk"


def test_what_is_not_public_has_no_page() -> None:
    with unit_of_work() as session:
        later = factories.listing(session, visible_from_ms=now() + factories.DAY_MS)
        gone = factories.listing(session)
        gone.state = ListingState.WITHDRAWN
    with reading() as session:
        for one in (later, gone):
            for name in (one.id, one.clip_id):
                with pytest.raises(NotFound):
                    listings.get(session, name)


def test_an_embargo_ends_by_itself() -> None:
    with unit_of_work() as session:
        listing = factories.listing(session, visible_from_ms=now() - 1_000)
    with reading() as session:
        assert listings.get(session, listing.id).id == listing.id
