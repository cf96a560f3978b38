"""What one listing is found by, and its way into the index and out of it."""

import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, exists, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog.search import bands, words
from models.base import now_ms, unit_of_work
from models.clip import Clip
from models.listing import Listing, ListingState, Release
from models.pool import PoolMember
from models.search import Edition, Entry, Start, Word

DAY_MS = 86_400_000
CHANCE_BITS = 20
SCORE_BITS = 10
AT_ONCE = 200
"""Listings that one look may put into the index: a page must not wait for thousands."""
SAID_WORDS = 2_000
LABELLED = ("tag", "creator", "series")
"""Facets that are offered to somebody who types."""


def describe(listing: Listing, clip: Clip) -> None:
    """Copy to the listing what it is searched, filtered and ordered by."""
    recording, sidecar = clip.recording, clip.recording.sidecar or {}
    listing.creator_id = recording.creator_id
    listing.series = str(sidecar.get("series") or "")[:200]
    listing.event_kind = _event_kind(clip)[:80]
    listing.language = _language(clip, sidecar)
    listing.length_ms = clip.length_ms
    listing.release = release(sidecar)
    listing.score = clip.score
    said = clip.transcript.text if clip.transcript else ""
    parts = (clip.title, *clip.tags, recording.creator.name, listing.series, recording.title)
    about = (str(sidecar.get("description") or ""), said)
    # "|" is in no word: a phrase does not run from one part into the next.
    listing.search_text = "|".join(words.sequence(part) for part in (*parts, *about))


def release(sidecar: dict[str, Any]) -> Release:
    """Nothing said: unknown. An empty list says that nobody has signed."""
    said = sidecar.get("releases")
    if said is None:
        return Release.UNKNOWN
    named = {str(one).casefold().strip() for one in said}
    return Release.EDITORIAL if not named or "editorial" in named else Release.CLEARED


def put(session: Session, listing: Listing) -> None:
    """Into the index, or anew with what has changed; out of it where it may not be found."""
    session.flush()
    take_out(session, listing.id)
    now = session.scalar(select(now_ms())) or 0
    listing.waiting = listing.state == ListingState.PUBLIC and listing.visible_from_ms > now
    if listing.state != ListingState.PUBLIC or listing.waiting:
        return
    pools = select(PoolMember.pool_id).where(
        PoolMember.listing_id == listing.id, PoolMember.removed_ms.is_(None)
    )
    facets = facet_words(listing, listing.clip, session.scalars(pools))
    tokens = all_words(listing, listing.clip, facets)
    row = {
        "place": _free_place(session, listing),
        "score": listing.score,
        "facets": " ".join(facets),
        "listing_id": listing.id,
        "words": " ".join(tokens),
    }
    session.execute(insert(Entry).values(row))
    _label(session, {word: label for word, label in facets.items() if label})


def take_out(session: Session, listing_id: str) -> None:
    session.execute(delete(Entry).where(Entry.listing_id == listing_id))


def all_words(listing: Listing, clip: Clip, facets: Iterable[str]) -> list[str]:
    recording = clip.recording
    title = words.words(clip.title)
    tags = [*title, *words.words(" ".join((*clip.tags, listing.event_kind)))]
    names = " ".join((recording.creator.name, listing.series, recording.title))
    about = [*tags, *words.words(names)]
    said = clip.transcript.text if clip.transcript else ""
    described = str((recording.sidecar or {}).get("description") or "")
    whole = [*about, *words.words(f"{described} {said}")[:SAID_WORDS]]
    tiers = (("a:", title), ("b:", tags), ("c:", about), ("", whole))
    tiered = [tier + word for tier, found in tiers for word in found]
    return list(dict.fromkeys([words.EVERY, *facets, *tiered]))


def place(visible_from_ms: int, score: float, chance: int) -> int:
    """A later day before an earlier one, within a day the better score, then chance."""
    day = max(visible_from_ms, 0) // DAY_MS
    thousandths = min(max(int(score * 1000), 0), (1 << SCORE_BITS) - 1)
    return ((day << SCORE_BITS) + thousandths << CHANCE_BITS) + chance


def due(session: Session) -> bool:
    """Whether an embargo has ended that the index does not know of."""
    waiting = select(Listing.id).where(_is_due()).limit(1)
    return session.scalar(select(literal(1)).where(exists(waiting))) is not None


def reveal(session: Session, most: int = AT_ONCE) -> int:
    """Put into the index what may be found from now on. Answers how many that was."""
    wanted = select(Listing).where(_is_due()).order_by(Listing.visible_from_ms.desc())
    found = session.scalars(wanted.limit(most).with_for_update(skip_locked=True)).all()
    for listing in found:
        describe(listing, listing.clip)
        put(session, listing)
    return len(found)


def reveal_due(session: Session) -> None:
    """Before a search, in a transaction of its own: an embargo ends when it says."""
    if due(session):
        session.rollback()  # a reader's snapshot would not see what is written now
        with unit_of_work() as writing:
            reveal(writing)


def edition(session: Session) -> int:
    return session.scalar(select(Edition.number)) or 0


def _is_due() -> Any:
    return (
        Listing.waiting
        & (Listing.visible_from_ms <= now_ms())
        & (Listing.state == ListingState.PUBLIC)
    )


def facet_words(listing: Listing, clip: Clip, pools: Iterable[str]) -> dict[str, str]:
    """Each with its label, where people call it otherwise than by its value."""
    price = listing.price_from_cents
    given = [
        ("creator", listing.creator_id, clip.recording.creator.name),
        ("series", listing.series, listing.series),
        ("kind", listing.event_kind, ""),
        *(("tag", tag.tag, tag.tag) for tag in listing.tags),
        ("language", listing.language, ""),
        ("length", bands.band_of(bands.LENGTHS, listing.length_ms), ""),
        ("release", listing.release, ""),
        ("price", bands.band_of(bands.PRICES, price) if price is not None else "", ""),
        *(("pool", pool_id, "") for pool_id in pools),
    ]
    return {words.facet(name, value): label for name, value, label in given if value}


def _label(session: Session, labels: dict[str, str]) -> None:
    """The triggers made the words; what people call them and where that begins is told here."""
    make = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for word, label in labels.items():
        session.execute(
            update(Word)
            .where(Word.word == word, Word.label != label)
            .values(label=label)
            .execution_options(synchronize_session=False)
        )
        starts = [{"start": start, "word": word} for start in starts_of(label)]
        if starts:
            session.execute(make.insert(Start).values(starts).on_conflict_do_nothing())


def starts_of(label: str) -> list[str]:
    """The label from each of its words on: "mara okafor", "okafor"."""
    found = words.sequence(label).split()[:6]
    return list(dict.fromkeys(" ".join(found[i:])[:80] for i in range(len(found))))


def _free_place(session: Session, listing: Listing) -> int:
    while True:
        chance = secrets.randbits(CHANCE_BITS)
        wanted = place(listing.visible_from_ms, listing.score, chance)
        if session.scalar(select(Entry.place).where(Entry.place == wanted)) is None:
            return wanted


def _event_kind(clip: Clip) -> str:
    if clip.reasons:
        return max(sorted(clip.reasons), key=lambda name: clip.reasons[name])
    analysis = clip.recording.analysis
    return analysis.profile if analysis and analysis.profile != "auto" else ""


def _language(clip: Clip, sidecar: dict[str, Any]) -> str:
    heard = clip.transcript.language if clip.transcript else ""
    return str(sidecar.get("language") or heard or "").casefold()[:20]
