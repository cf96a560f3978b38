"""What stands in a right's way, in words: who has it, and from when on it is free."""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog import territories
from catalog.errors import Refusal
from catalog.uses import MEDIA
from catalog.web.words import moment
from models.reservation import FOREVER_MS, SHARED, Reservation, ReservationKind

CODES = {
    ReservationKind.EMBARGO: "embargoed",
    ReservationKind.EARLY: "early_access",
    ReservationKind.LICENSE: "already_licensed",
    ReservationKind.HOLD: "on_hold",
}
RANKED = ("exclusive_sold", "embargoed", "early_access", "already_licensed", "on_hold")
"""Of several reasons the most lasting is told."""
TEXTS = {
    "exclusive_sold": "Somebody else has this clip for themselves in {where}.",
    "embargoed": "This clip is under embargo in {where}.",
    "early_access": "This clip is in early access: members see it, nobody may license it yet.",
    "already_licensed": "Others licensed this clip in {where}, so it can't be exclusive there.",
    "on_hold": "Somebody else is paying for {where} of this clip just now.",
}
OWN_HOLD = "You are already paying for this in another tab: {where} of this clip."


@dataclass(frozen=True)
class Collision:
    """Why a right can't be had, and from when on it can (None: never)."""

    code: str
    text: str
    media: list[str]
    territory: list[str]
    next_free_ms: int | None

    def refusal(self) -> Refusal:
        facts = {"media": self.media, "territory": self.territory}
        return Refusal(self.text, code=self.code, next_free_ms=self.next_free_ms, **facts)


@dataclass(frozen=True)
class Wanted:
    """One right as the database compares it."""

    clip_id: str
    lane: str
    media: frozenset[int]
    territory: frozenset[int]
    from_ms: int
    until_ms: int

    def meets(self, row: Reservation) -> bool:
        return (
            row.lane != self.lane
            and bool(row.media & self.media)
            and bool(row.territory & self.territory)
        )


def explained(
    wanted: Wanted, against: list[Reservation], rows: list[Reservation], *, own: bool
) -> Collision:
    """`against`: those in the way of these dates; `rows`: of any dates."""
    code = min(map(_code, against), key=RANKED.index)
    told = [row for row in against if _code(row) == code]
    media = _media(frozenset[int]().union(*(row.media for row in told)) & wanted.media)
    places = frozenset[int]().union(*(row.territory for row in told)) & wanted.territory
    codes = territories.codes(places)
    names = ", ".join(MEDIA[name].lower() for name in media)
    everywhere = len(media) == len(MEDIA) and codes == [territories.WORLD]
    where = "all media, worldwide" if everywhere else f"{names}, {territories.told_short(codes)}"
    if code == "on_hold":
        free: int | None = max(row.expires_ms or 0 for row in told)
    else:
        free = _next_free(wanted, rows)
    text = (OWN_HOLD if own else TEXTS[code]).format(where=where)
    return Collision(code, f"{text} {_advice(code, free, own=own)}", media, codes, free)


def _advice(code: str, free: int | None, *, own: bool) -> str:
    if free is None:
        return "It does not become free again; other media or territories may be."
    if own:
        return f"Go on with that payment, or give it up; else it is free at {moment(free)}."
    if code == "on_hold":
        return f"If they do not pay, it is free again at {moment(free)}."
    return f"It is free from {moment(free)}; earlier, other media or territories may be."


def _next_free(wanted: Wanted, rows: Iterable[Reservation]) -> int | None:
    """The first start from which the same right would run its whole term."""
    taken = sorted((row.from_ms, row.until_ms) for row in rows)
    endless = wanted.until_ms >= FOREVER_MS
    length, start = wanted.until_ms - wanted.from_ms, wanted.from_ms
    for begins, ends in taken:
        if begins < (FOREVER_MS if endless else start + length) and ends > start:
            start = max(start, ends)
    return start if start < FOREVER_MS else None


def _media(numbers: frozenset[int]) -> list[str]:
    return [name for number, name in enumerate(MEDIA) if number in numbers]


def _code(row: Reservation) -> str:
    sold = row.kind == ReservationKind.LICENSE and row.lane != SHARED
    return "exclusive_sold" if sold else CODES[row.kind]
