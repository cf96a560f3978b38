"""Clips for searches to find, and what is found of them."""

import time

from sqlalchemy.orm import Session

from catalog import search
from catalog.search import Wanted
from models.base import reading, unit_of_work
from models.listing import Listing
from tests import factories


def now() -> int:
    return int(time.time() * 1000)


def put(session: Session, title: str, said: str = "", **values: object) -> Listing:
    of = values.pop("of", None)
    at = values.pop("visible_from_ms", None)
    values.setdefault("tags", [])
    clip = factories.clip(session, of, title=title, **values)  # type: ignore[arg-type]
    if said:
        factories.transcript(session, clip, *said.split("/"))
    return factories.listing(session, clip, visible_from_ms=at)  # type: ignore[arg-type]


def found(query: str = "", **wanted: object) -> list[str]:
    with reading() as session:
        page = search.find(session, Wanted(query=query, **wanted))  # type: ignore[arg-type]
        assert page.exact
        assert page.total == len(page.listings)
        return [one.clip.title for one in page.listings]


def counts(name: str, query: str = "", **wanted: object) -> dict[str, int]:
    with reading() as session:
        page = search.find(session, Wanted(query=query, **wanted))  # type: ignore[arg-type]
        return {one.label: one.count for one in page.facets[name]}


def fill() -> None:
    with unit_of_work() as session:
        match = factories.recording(session, title="Cup Final", sidecar={"series": "Harbour Cup"})
        put(
            session,
            "The winning goal",
            "and it is in/listen to this crowd",
            of=match,
            tags=["Goal", "Crowd"],
        )
        put(session, "A save", of=match, tags=["crowd"], reasons={"applause": 0.9})
        evening = factories.recording(
            session,
            title="Soirée",
            creator_id=factories.creator(session, "Søren").id,
            sidecar={"description": "Straße, don't stop", "releases": ["all"], "language": "da"},
        )
        put(session, "100% encore", of=evening, tags=["stage"], end_ms=150_000)
        put(session, "東京タワーの夜", "夜の東京", of=evening)  # fmt: skip


QUERIES: list[tuple[str, set[str]]] = [
    ("winning", {"The winning goal"}),
    ("WINNING  Goal", {"The winning goal"}),
    ("listen", {"The winning goal"}),
    ("crowd", {"The winning goal", "A save"}),
    ("crowd save", {"A save"}),
    ("cup final", {"The winning goal", "A save"}),
    ("harbour", {"The winning goal", "A save"}),
    ("søren", {"100% encore", "東京タワーの夜"}),
    ("SOREN", {"100% encore", "東京タワーの夜"}),
    ("soiree", {"100% encore", "東京タワーの夜"}),
    ("strasse dont", {"100% encore", "東京タワーの夜"}),
    ("\uff25\uff2e\uff23\uff2f\uff32\uff25", {"100% encore"}),
    ("winning encore", set()),
    ("winn", {"The winning goal"}),
    ("winn goal", set()),  # only the last word may be a beginning
    ("100%", {"100% encore"}),
    ("%", set()),
    ("_", set()),
    ("東京", {"東京タワーの夜"}),
    ("タワー", {"東京タワーの夜"}),
    ("夜", {"東京タワーの夜"}),
    ("京都", set()),
    ('"to this crowd"', {"The winning goal"}),
    ('"to crowd"', set()),
    ('"goal crowd"', set()),  # title and tags are no one phrase
    ('"this crowd', {"The winning goal"}),
    ("crowd -save", {"The winning goal"}),
    ("-crowd", {"100% encore", "東京タワーの夜"}),
    ('crowd -"listen to"', {"A save"}),
    ("goal\x00\u202e", {"The winning goal"}),
    ("goal OR save", set()),
    ("@tag=crowd", set()),
    ("a:winning", set()),
    ("'; drop table listing; --", set()),
]
