"""Publish, search, filter, page: what is on sale is found, what is not is found nowhere."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import listings
from catalog.errors import BadRequest, NotFound
from models.base import reading, unit_of_work
from models.event import Event
from models.listing import Listing, ListingState
from tests import factories

pytestmark = pytest.mark.usefixtures("database")


def now() -> int:
    return int(time.time() * 1000)


def titles(session: Session, query: str = "", tags: Sequence[str] = ()) -> set[str]:
    page = listings.browse(session, query=query, tags=tags)
    assert page.total == len(page.listings)
    return {listing.clip.title for listing in page.listings}


@pytest.fixture
def shelf(database: Path) -> None:
    """Three clips of two creators: what each word finds is in the tests."""
    with unit_of_work() as session:
        match = factories.recording(session, title="Cup Final")
        goal = factories.clip(session, match, title="The winning goal", tags=["Goal", "Crowd"])
        factories.transcript(session, goal, "and it is in", "listen to this crowd")
        factories.listing(session, goal)
        factories.listing(session, factories.clip(session, match, title="A save", tags=["crowd"]))
        concert = factories.recording(
            session, title="Evening", creator_id=factories.creator(session, "Søren").id
        )
        factories.listing(
            session, factories.clip(session, concert, title="100% encore", tags=["stage"])
        )


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"The winning goal", "A save", "100% encore"}),
        ("winning", {"The winning goal"}),
        ("WINNING  Goal", {"The winning goal"}),
        ("listen", {"The winning goal"}),
        ("crowd", {"The winning goal", "A save"}),
        ("cup final", {"The winning goal", "A save"}),
        ("crowd save", {"A save"}),
        ("søren", {"100% encore"}),
        ("SØREN", {"100% encore"}),
        ("winning encore", set()),
        ("100%", {"100% encore"}),
        ("%", {"100% encore"}),
        ("_", set()),
        ("'; drop table listing; --", set()),
        ("goal\x00\u202e", {"The winning goal"}),
    ],
)
def test_all_words_must_match_somewhere(query: str, found: set[str]) -> None:
    with reading() as session:
        assert titles(session, query) == found


@pytest.mark.usefixtures("shelf")
def test_tags_narrow_and_are_counted_within_the_search() -> None:
    with reading() as session:
        everything = listings.browse(session)
        assert [(facet.tag, facet.count) for facet in everything.facets] == [
            ("crowd", 2),
            ("goal", 1),
            ("stage", 1),
        ]
        assert titles(session, tags=["crowd"]) == {"The winning goal", "A save"}
        assert titles(session, tags=["crowd", "goal"]) == {"The winning goal"}
        assert titles(session, tags=["Crowd"]) == {"The winning goal", "A save"}
        assert titles(session, "encore", tags=["crowd"]) == set()
        narrowed = listings.browse(session, tags=["goal"])
        assert {facet.tag: facet.count for facet in narrowed.facets} == {"goal": 1, "crowd": 1}


@pytest.mark.usefixtures("shelf")
def test_an_empty_result_says_which_filter_to_drop() -> None:
    with reading() as session:
        offers = listings.relaxed(session, "winning xylophone", ["crowd"])
        assert [(offer.dropped, offer.query, offer.total) for offer in offers] == [
            ("xylophone", "winning", 1)
        ]
        offers = listings.relaxed(session, "encore", ["crowd"])
        assert {(offer.dropped, offer.total) for offer in offers} == {("encore", 2), ("crowd", 1)}


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


@pytest.mark.parametrize("order", listings.ORDERS)
def test_pages_neither_repeat_nor_skip_while_clips_come_and_go(order: listings.Order) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        for i in range(11):
            clip = factories.clip(session, recording, score=(i % 4) / 10, title=f"Clip {i}")
            factories.listing(session, clip, visible_from_ms=1_000 + i // 3)
    with reading() as session:
        whole = [one.id for one in listings.browse(session, order=order).listings]
    seen, cursor = [], None
    for step in range(4):
        with unit_of_work() as session:
            page = listings.browse(session, order=order, cursor=cursor, limit=3)
            seen += [one.id for one in page.listings]
            cursor = page.next_cursor
            best = factories.clip(session, recording, score=1.0, title=f"Newcomer {step}")
            factories.listing(session, best, visible_from_ms=2_000 + step)
    assert seen == whole
    assert cursor is None


def test_orders() -> None:
    with unit_of_work() as session:
        for score, at in ((0.5, 3), (0.9, 1), (0.7, 2)):
            factories.listing(session, visible_from_ms=at, score=score)
        newest = listings.browse(session, order="newest").listings
        best = listings.browse(session, order="score").listings
        assert [one.visible_from_ms for one in newest] == [3, 2, 1]
        assert [one.clip.score for one in best] == [0.9, 0.7, 0.5]


@pytest.mark.parametrize(
    "cursor",
    ["x", "1", "~", "1~zz", "1.5~" + "0" * 32, "9" * 40 + "~" + "0" * 32, "\u0661~" + "0" * 32],
)
def test_a_damaged_cursor_is_refused_not_guessed(cursor: str) -> None:
    with reading() as session, pytest.raises(BadRequest):
        listings.browse(session, cursor=cursor)


def test_what_is_embargoed_or_withdrawn_is_nowhere() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        public = factories.listing(session, factories.clip(session, recording, tags=["goal"]))
        hidden = [
            factories.listing(
                session,
                factories.clip(session, recording, title="Secret", tags=["goal", "secret"]),
                visible_from_ms=now() + factories.DAY_MS,
            ),
            factories.listing(
                session, factories.clip(session, recording, title="Secret", tags=["secret"])
            ),
        ]
        hidden[1].state = ListingState.WITHDRAWN
    with reading() as session:
        page = listings.browse(session)
        assert [one.id for one in page.listings] == [public.id]
        assert page.total == 1
        assert [(facet.tag, facet.count) for facet in page.facets] == [("goal", 1)]
        assert listings.browse(session, query="secret").total == 0
        assert listings.browse(session, tags=["secret"]).total == 0
        assert listings.relaxed(session, "secret nothing", ["secret"]) == []
        assert listings.similar(session, listings.get(session, public.id)) == []
        for one in hidden:
            for name in (one.id, one.clip_id):
                with pytest.raises(NotFound):
                    listings.get(session, name)


def test_an_embargo_ends_by_itself() -> None:
    with unit_of_work() as session:
        listing = factories.listing(session, visible_from_ms=now() - 1_000)
    with reading() as session:
        assert listings.get(session, listing.id).id == listing.id


def test_similar_means_common_tags_first_then_the_same_recording() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        this = factories.listing(session, factories.clip(session, recording, tags=["a", "b"]))
        elsewhere = {
            "both": factories.clip(session, title="both", tags=["a", "b"], score=0.1),
            "one": factories.clip(session, title="one", tags=["b", "z"], score=0.9),
            "none": factories.clip(session, title="none", tags=["z"]),
        }
        here = factories.clip(session, recording, title="here", tags=[])
        for clip in (*elsewhere.values(), here):
            factories.listing(session, clip)
    with reading() as session:
        found = listings.similar(session, listings.get(session, this.id))
        assert [one.clip.title for one in found] == ["both", "one", "here"]
