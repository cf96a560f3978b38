"""The conflict guard: who has which media and territories of a clip, from when to when.

The database alone decides (migration 0004). What is read here explains its refusal, or greys out
what would be refused. Decision 0020.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from catalog import terms as terms_of
from catalog import territories
from catalog.errors import Refusal
from catalog.uses import MEDIA, Fields, Use, interval
from catalog.web.words import moment
from models import event
from models.base import new_id, now_ms
from models.clip import Clip
from models.listing import Listing
from models.order import OrderLine
from models.reservation import CONFLICT, FOREVER_MS, SHARED, Reservation, ReservationKind
from models.terms import Terms

TRIES = 5
RETRIED = ("40001", "40P01")
"""PostgreSQL's codes: could not serialize, deadlock."""
ALL_MEDIA = frozenset(range(len(MEDIA)))
WINDOW = "window"
"""The lane of embargoes and early access: they overlap each other, and no license."""
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


def hold(session: Session, line: OrderLine, expires_ms: int) -> Reservation | None:
    """The line's right kept for its buyer. None for a private use: nobody has to wait for it.

    Raises Refusal where somebody else has it. Whoever holds several lines does it by `hold_all`.
    """
    return _take(session, line, ReservationKind.HOLD, expires_ms)


def hold_all(session: Session, lines: Iterable[OrderLine], expires_ms: int) -> None:
    """Every line or none, in an order that all share: two carts never wait for each other."""
    with session.begin_nested():
        for line in sorted(lines, key=lambda one: (one.listing.clip_id, one.id)):
            hold(session, line, expires_ms)


def confirm(session: Session, line: OrderLine) -> Reservation | None:
    """What was held is licensed. A hold that was let go is taken anew; Refusal where it is gone."""
    kept = _of_line(session, line.id)
    if kept is None:
        return _take(session, line, ReservationKind.LICENSE, None)
    if kept.kind == ReservationKind.HOLD:
        kept.kind, kept.expires_ms = ReservationKind.LICENSE, None
        session.flush()
    return kept


def release(session: Session, line_id: str) -> bool:
    """Held or licensed, it is free again. False where there was nothing to let go."""
    mine = Reservation.order_line_id == line_id, Reservation.released_ms.is_(None)
    found = list(session.scalars(select(Reservation).where(*mine).with_for_update()))
    _let_go(session, found)
    return bool(found)


def release_expired(session: Session) -> int:
    """Holds that nobody paid for in time."""
    return _release_expired(session, None)


def embargo(
    session: Session,
    listing: Listing,
    kind: ReservationKind = ReservationKind.EMBARGO,
    *,
    from_ms: int = 0,
    until_ms: int | None = None,
) -> Reservation | None:
    """Nobody may license it before it is seen by all. None where that is so, or was kept, already.

    Raises Refusal where a part of that time is licensed already.
    """
    until = listing.visible_from_ms if until_ms is None else until_ms
    wanted = Wanted(
        listing.clip_id,
        WINDOW,
        ALL_MEDIA,
        territories.cells([territories.WORLD]),
        from_ms,
        until,
    )
    same = Reservation.clip_id == listing.clip_id, Reservation.kind == kind
    known = select(Reservation.id).where(
        *same, Reservation.until_ms == until, Reservation.released_ms.is_(None)
    )
    if until <= (session.scalar(select(now_ms())) or 0) or session.scalar(known):
        return None
    return _insert(session, wanted, kind, line_id=None, expires_ms=None)


def of_line(session: Session, line_id: str) -> Reservation | None:
    """What is kept for it now: its interval is the license's."""
    mine = Reservation.order_line_id == line_id, Reservation.released_ms.is_(None)
    return session.scalars(select(Reservation).where(*mine)).one_or_none()


def collision(
    session: Session, clip_id: str, use: Use, fields: Fields, starts_ms: int, ends_ms: int
) -> Collision | None:
    """What would be refused if it were asked for now. Nothing is decided by it."""
    lane = new_id() if fields.exclusive else SHARED
    until = starts_ms + 1 if fields.private else ends_ms
    wanted = Wanted(clip_id, lane, use.media_cells, use.territory_cells, starts_ms, until)
    now = session.scalar(select(now_ms())) or 0
    kept = select(Reservation).where(
        Reservation.clip_id == clip_id, Reservation.released_ms.is_(None)
    )
    rows = [
        row
        for row in session.scalars(kept.execution_options(populate_existing=True))
        if wanted.meets(row) and not _is_over(row, now)
    ]
    if fields.private:  # a hold may yet lapse, and a copy at home takes nothing from its buyer
        rows = [row for row in rows if row.kind != ReservationKind.HOLD]
    against = [row for row in rows if row.from_ms < until and starts_ms < row.until_ms]
    return _explained(wanted, against, rows) if against else None


def refuse_if_taken(session: Session, clip_id: str, use: Use, terms: Terms) -> None:
    """For what is granted without a reservation. Raises Refusal."""
    starts, ends = interval(use, session.scalar(select(now_ms())) or 0)
    found = collision(session, clip_id, use, terms_of.fields(terms), starts, ends)
    if found:
        raise found.refusal()


def _take(
    session: Session, line: OrderLine, kind: ReservationKind, expires_ms: int | None
) -> Reservation | None:
    clip_id, use = line.listing.clip_id, Use.model_validate(line.use)
    fields = terms_of.fields(line.terms)
    now = session.scalar(select(now_ms())) or 0
    kept = None if fields.private else _of_line(session, line.id)
    if kept is not None and not _is_over(kept, now):  # asked twice, held once
        kept.expires_ms = expires_ms if kept.kind == ReservationKind.HOLD else None
        return kept
    # The term runs from now, or from its own later day: the license takes its dates from here.
    starts, ends = interval(use, now)
    line.use = {**line.use, "starts_ms": starts}
    if fields.private:
        refuse_if_taken(session, clip_id, use, line.terms)
        return None
    lane = line.id if fields.exclusive else SHARED
    wanted = Wanted(clip_id, lane, use.media_cells, use.territory_cells, starts, ends)
    try:
        made = _insert(session, wanted, kind, line_id=line.id, expires_ms=expires_ms)
    except Refusal:
        found = collision(session, clip_id, use, fields, starts, ends)
        if found is None:  # whoever was in the way has gone meanwhile, or is about to commit
            raise
        raise found.refusal() from None
    event.record(session, f"reservation.{kind}", made.id, clip_id=clip_id, line_id=line.id)
    return made


def _insert(
    session: Session,
    wanted: Wanted,
    kind: ReservationKind,
    *,
    line_id: str | None,
    expires_ms: int | None,
) -> Reservation:
    for left in reversed(range(TRIES)):
        try:
            with session.begin_nested():
                return _added(session, wanted, kind, line_id=line_id, expires_ms=expires_ms)
        except IntegrityError as error:
            if CONFLICT not in str(error.orig):
                raise
            raise Refusal(
                "Somebody else was quicker: these rights were taken just now. Look at the clip "
                "again to see what is free.",
                code="on_hold",
            ) from None
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in RETRIED or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _added(
    session: Session,
    wanted: Wanted,
    kind: ReservationKind,
    *,
    line_id: str | None,
    expires_ms: int | None,
) -> Reservation:
    # One at a time for each clip: of two that insert at once PostgreSQL would find each waiting
    # for the other, after a second. Who is refused is the constraint's word all the same.
    clip = select(Clip.id).where(Clip.id == wanted.clip_id)
    session.execute(clip.with_for_update(key_share=True))
    _release_expired(session, wanted.clip_id)
    made = Reservation(
        clip_id=wanted.clip_id,
        kind=kind,
        lane=wanted.lane,
        media=wanted.media,
        territory=wanted.territory,
        from_ms=wanted.from_ms,
        until_ms=wanted.until_ms,
        order_line_id=line_id,
        expires_ms=expires_ms,
    )
    session.add(made)
    session.flush()
    return made


def _release_expired(session: Session, clip_id: str | None) -> int:
    over = [
        Reservation.kind == ReservationKind.HOLD,
        Reservation.released_ms.is_(None),
        Reservation.expires_ms <= now_ms(),
    ]
    if clip_id:
        over.append(Reservation.clip_id == clip_id)
    found = select(Reservation).where(*over).order_by(Reservation.clip_id, Reservation.id)
    rows = list(session.scalars(found.with_for_update(skip_locked=True)))
    _let_go(session, rows)
    return len(rows)


def _let_go(session: Session, rows: Iterable[Reservation]) -> None:
    now = session.scalar(select(now_ms())) or 0
    for row in rows:
        row.released_ms = now
        event.record(
            session, "reservation.released", row.id, clip_id=row.clip_id, line_id=row.order_line_id
        )
    session.flush()


def _of_line(session: Session, line_id: str) -> Reservation | None:
    mine = Reservation.order_line_id == line_id, Reservation.released_ms.is_(None)
    wanted = select(Reservation).where(*mine).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()


def _is_over(row: Reservation, now: int) -> bool:
    return row.kind == ReservationKind.HOLD and (row.expires_ms or 0) <= now


def _code(row: Reservation) -> str:
    sold = row.kind == ReservationKind.LICENSE and row.lane != SHARED
    return "exclusive_sold" if sold else CODES[row.kind]


def _explained(wanted: Wanted, against: list[Reservation], rows: list[Reservation]) -> Collision:
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
    text = TEXTS[code].format(where=where)
    return Collision(code, f"{text} {_advice(code, free)}", media, codes, free)


def _advice(code: str, free: int | None) -> str:
    if free is None:
        return "It does not become free again; other media or territories may be."
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
