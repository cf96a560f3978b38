"""Clips like one that is looked at."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search import words
from catalog.search.asking import Expression
from catalog.search.finding import loaded
from catalog.search.lookup import Index
from models.clip import Clip
from models.listing import Listing, is_public
from models.search import Entry

LOOKED_AT = 300


def similar(session: Session, listing: Listing, limit: int = 4) -> Sequence[Listing]:
    """Those with the most tags in common, then those of the same recording."""
    tags = [words.facet("tag", tag.tag) for tag in listing.tags]
    any_of = Expression(groups=(tuple(tags),))
    found = dict(Index(session).sample(any_of, LOOKED_AT)[0]) if tags else {}
    beside = (
        select(Entry.place, Entry.facets)
        .join(Listing, Listing.id == Entry.listing_id)
        .join(Clip, Clip.id == Listing.clip_id)
        .where(Clip.recording_id == listing.clip.recording_id, is_public())
        .order_by(Entry.place.desc())
        .limit(LOOKED_AT)
    )
    here = dict(session.execute(beside).all())
    own = session.scalar(select(Entry.place).where(Entry.listing_id == listing.id))
    common = {
        place: len(set(tags).intersection(facets.split()))
        for place, facets in {**found, **here}.items()
        if place != own
    }
    best = sorted(common, key=lambda place: (-common[place], place not in here, -place))
    return loaded(session, best[:limit])
