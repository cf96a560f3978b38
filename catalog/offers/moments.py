"""Moments at which an offer may fit, each with its reason and the data that it rests on."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from catalog import licenses
from catalog.auth import Visitor
from catalog.offers import hashes, sessions
from catalog.web.words import counted
from models.clip import Clip

END, LIVE_QA, SERIES, BOUGHT = "end", "live_qa", "series", "bought"
NAMES = {
    END: "At the end of a clip",
    LIVE_QA: "After an answer of a live Q&A",
    SERIES: "Inside a series",
    BOUGHT: "After a purchase",
}
CUE = "question"
"""The part of a score that speech gives where a question is asked and answered."""
LEAST_CUE = 0.05
ALWAYS = ("what you have here, so that it is left out", "which offers you saw and answered")
MEMBERS = ("whether you are or were a member here, and what that gives you",)
"""Of somebody with an account."""
PASSING = ("your network, for a day: how many offers came to it",)
"""Of somebody without account and cookie."""
CLOCK = "your browser's clock, so that none comes at night; it is not kept"


@dataclass(frozen=True)
class Reason:
    text: str
    data: tuple[str, ...]


def of_door(door: str) -> tuple[str, ...]:
    """What may hold there: at the clip's end all but a purchase does."""
    return (BOUGHT,) if door == BOUGHT else (END, LIVE_QA, SERIES)


def holds(session: Session, visitor: Visitor, moment: str, clip: Clip) -> Reason | None:
    """Why it holds for this visitor at this clip; None where it does not."""
    found = MOMENTS[moment](session, visitor, clip)
    beside: tuple[str, ...] = ALWAYS if hashes.is_known(visitor) else PASSING
    beside += MEMBERS if visitor.account_id else ()
    return Reason(found.text, (*found.data, *beside, CLOCK)) if found else None


def _end(session: Session, visitor: Visitor, clip: Clip) -> Reason | None:
    return Reason("You have this clip in front of you.", ("this clip",))


def _live_qa(session: Session, visitor: Visitor, clip: Clip) -> Reason | None:
    if clip.reasons.get(CUE, 0.0) < LEAST_CUE:
        return None
    return Reason(
        "In this clip a question is asked and answered.", ("this clip and what is said in it",)
    )


def _series(session: Session, visitor: Visitor, clip: Clip) -> Reason | None:
    if clip.listing is None or not clip.listing.series:
        return None
    series = clip.listing.series
    seen = sessions.watched(session, visitor, clip.recording.creator_id, series)
    if seen > 1:
        return Reason(
            f"You watched {counted(seen, 'clip')} of the series {series}.",
            ("this clip", "the series you watched, as you agreed to"),
        )
    return Reason(f"This clip is part of the series {series}.", ("this clip",))


def _bought(session: Session, visitor: Visitor, clip: Clip) -> Reason | None:
    if licenses.alive_for(session, visitor, clip.id) is None:
        return None
    return Reason("You licensed this clip.", ("your license of this clip",))


MOMENTS: dict[str, Callable[[Session, Visitor, Clip], Reason | None]] = {
    END: _end,
    LIVE_QA: _live_qa,
    SERIES: _series,
    BOUGHT: _bought,
}
