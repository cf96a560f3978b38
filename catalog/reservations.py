"""The conflict guard: who has which media and territories of a clip, from when to when.

The database alone decides (migration 0004). What is read here explains its refusal, or greys out
what would be refused. Decision 0020.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from catalog import terms as terms_of
from catalog import territories
from catalog.collisions import Collision, Wanted, explained
from catalog.errors import Refusal
from catalog.uses import MEDIA, Fields, Use, interval
from models import event
from models.base import new_id, now_ms
from models.clip import Clip
from models.listing import Listing
from models.order import Order, OrderLine
from models.reservation import CONFLICT, SHARED, Reservation, ReservationKind
from models.terms import Terms

TRIES = 5
RETRIED = ("40001", "40P01")
"""PostgreSQL's codes: could not serialize, deadlock."""
ALL_MEDIA = frozenset(range(len(MEDIA)))
WINDOW = "window"
"""The lane of embargoes and early access: they overlap each other, and no license."""
OWN_LINES = (
    "Two licenses in this order shut each other out: one of them is to be exclusive. Remove the "
    "other one."
)


@dataclass(frozen=True)
class Asker:
    """Who wants the right, and in which order: an order's lines never stand in their own way."""

    account_id: str | None = None
    guest: str = ""
    order_id: str = ""

    def owns(self, order: Order) -> bool:
        if order.account_id is not None:
            return order.account_id == self.account_id
        return bool(self.guest) and order.guest == self.guest


NOBODY = Asker()


@dataclass(frozen=True)
class Kept:
    """What was kept of some clips at a moment."""

    rows: Sequence[Reservation]
    now: int


def hold(session: Session, line: OrderLine, expires_ms: int) -> Reservation | None:
    """The line's right kept for its buyer. None for a private use: nobody has to wait for it.

    Raises Refusal where somebody else has it. Whoever holds several lines does it by `hold_all`.
    """
    return _take(session, line, ReservationKind.HOLD, expires_ms)


def hold_all(session: Session, lines: Iterable[OrderLine], expires_ms: int) -> None:
    """Every line or none, in an order that all share: two carts never wait for each other."""
    ordered = sorted(lines, key=lambda one: (one.listing.clip_id, one.id))
    try:
        with session.begin_nested():
            _hold_at_once(session, ordered, expires_ms)
        return
    except DBAPIError as error:
        conflict = isinstance(error, IntegrityError) and CONFLICT in str(error.orig)
        if not conflict and getattr(error.orig, "sqlstate", None) not in RETRIED:
            raise
    with session.begin_nested():  # one by one, which says whose line is in the way
        for line in ordered:
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


def kept_of(session: Session, clip_ids: Collection[str], asker: Asker = NOBODY) -> Kept:
    """All that is kept of these clips, but for the asker's own order's."""
    wanted = select(Reservation).where(
        Reservation.clip_id.in_(clip_ids), Reservation.released_ms.is_(None)
    )
    if asker.order_id:
        own = select(OrderLine.id).where(OrderLine.order_id == asker.order_id)
        others = Reservation.order_line_id.is_(None) | Reservation.order_line_id.not_in(own)
        wanted = wanted.where(others)
    found = session.scalars(wanted.execution_options(populate_existing=True)).all()
    return Kept(found, session.scalar(select(now_ms())) or 0)


def collision(
    session: Session,
    clip_id: str,
    use: Use,
    fields: Fields,
    starts_ms: int,
    ends_ms: int,
    asker: Asker = NOBODY,
    kept: Kept | None = None,
) -> Collision | None:
    """What would be refused if it were asked for now. Nothing is decided by it. `kept`: where it
    was read for many at once.
    """
    kept = kept or kept_of(session, [clip_id], asker)
    lane = new_id() if fields.exclusive else SHARED
    until = starts_ms + 1 if fields.private else ends_ms
    wanted = Wanted(clip_id, lane, use.media_cells, use.territory_cells, starts_ms, until)
    rows = [
        row
        for row in kept.rows
        if row.clip_id == clip_id and wanted.meets(row) and not _is_over(row, kept.now)
    ]
    if fields.private:  # a hold may yet lapse, and a copy at home takes nothing from its buyer
        rows = [row for row in rows if row.kind != ReservationKind.HOLD]
    against = [row for row in rows if row.from_ms < until and starts_ms < row.until_ms]
    if not against:
        return None
    return explained(wanted, against, rows, own=_are_own(session, against, asker))


def asker_of(order: Order) -> Asker:
    return Asker(order.account_id, order.guest, order.id)


def refuse_if_taken(
    session: Session, clip_id: str, use: Use, terms: Terms, asker: Asker = NOBODY
) -> None:
    """For what is granted without a reservation. Raises Refusal."""
    starts, ends = interval(use, session.scalar(select(now_ms())) or 0)
    found = collision(session, clip_id, use, terms_of.fields(terms), starts, ends, asker)
    if found:
        raise found.refusal()


def _are_own(session: Session, against: list[Reservation], asker: Asker) -> bool:
    """Holds of the asker's own other orders, and nothing else."""
    if any(row.kind != ReservationKind.HOLD for row in against):
        return False
    lines = [row.order_line_id for row in against]
    orders = session.scalars(select(Order).join(Order.lines).where(OrderLine.id.in_(lines)))
    return all(asker.owns(order) for order in orders.unique())


def _hold_at_once(session: Session, lines: Sequence[OrderLine], expires_ms: int) -> None:
    """As `hold` does it, with as many questions for fifty lines as for one. What another has makes
    the database refuse it all.
    """
    clip_ids = sorted({line.listing.clip_id for line in lines})
    clips = select(Clip.id).where(Clip.id.in_(clip_ids)).order_by(Clip.id)
    session.execute(clips.with_for_update(key_share=True))
    _release_expired(session, clip_ids)
    kept = kept_of(session, clip_ids, asker_of(lines[0].order))
    mine = Reservation.order_line_id.in_([line.id for line in lines])
    wanted = select(Reservation).where(mine, Reservation.released_ms.is_(None)).with_for_update()
    held = {row.order_line_id: row for row in session.scalars(wanted)}
    for line in lines:
        if line.id in held:  # asked twice, held once
            row = held[line.id]
            row.expires_ms = expires_ms if row.kind == ReservationKind.HOLD else None
            continue
        starts, ends = interval(Use.model_validate(line.use), kept.now)
        line.use = {**line.use, "starts_ms": starts}
        use, fields = Use.model_validate(line.use), terms_of.fields(line.terms)
        if not fields.private:
            _add(session, _wanted(line, starts, ends), ReservationKind.HOLD, line.id, expires_ms)
            continue
        asker = asker_of(line.order)
        found = collision(session, line.listing.clip_id, use, fields, starts, ends, asker, kept)
        if found:
            raise found.refusal()
    session.flush()


def _wanted(line: OrderLine, starts: int, ends: int) -> Wanted:
    use = Use.model_validate(line.use)
    lane = line.id if terms_of.fields(line.terms).exclusive else SHARED
    clip_id = line.listing.clip_id
    return Wanted(clip_id, lane, use.media_cells, use.territory_cells, starts, ends)


def _take(
    session: Session, line: OrderLine, kind: ReservationKind, expires_ms: int | None
) -> Reservation | None:
    use, private = Use.model_validate(line.use), terms_of.fields(line.terms).private
    now = session.scalar(select(now_ms())) or 0
    kept = None if private else _of_line(session, line.id)
    if kept is not None and not _is_over(kept, now):  # asked twice, held once
        kept.expires_ms = expires_ms if kept.kind == ReservationKind.HOLD else None
        return kept
    # The term runs from now, or from its own later day: the license takes its dates from here.
    starts, ends = interval(use, now)
    line.use = {**line.use, "starts_ms": starts}
    return _kept(session, line, kind, expires_ms, starts, ends)


def take_again(
    session: Session, line: OrderLine, starts_ms: int, ends_ms: int
) -> Reservation | None:
    """What was let go of, for the license that had it, with its dates. Refusal where it is gone."""
    return _kept(session, line, ReservationKind.LICENSE, None, starts_ms, ends_ms)


def _kept(
    session: Session,
    line: OrderLine,
    kind: ReservationKind,
    expires_ms: int | None,
    starts: int,
    ends: int,
) -> Reservation | None:
    clip_id, use = line.listing.clip_id, Use.model_validate(line.use)
    fields = terms_of.fields(line.terms)
    if fields.private:
        refuse_if_taken(session, clip_id, use, line.terms, asker_of(line.order))
        return None
    try:
        wanted = _wanted(line, starts, ends)
        return _insert(session, wanted, kind, line_id=line.id, expires_ms=expires_ms)
    except Refusal:
        found = collision(session, clip_id, use, fields, starts, ends, asker_of(line.order))
        if found is None and collision(session, clip_id, use, fields, starts, ends):
            raise Refusal(OWN_LINES, code="own_lines") from None
        if found is None:  # whoever was in the way has gone meanwhile, or is about to commit
            raise
        raise found.refusal() from None


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
    _release_expired(session, [wanted.clip_id])
    made = _add(session, wanted, kind, line_id, expires_ms)
    session.flush()
    return made


def _add(
    session: Session,
    wanted: Wanted,
    kind: ReservationKind,
    line_id: str | None,
    expires_ms: int | None,
) -> Reservation:
    made = Reservation(
        id=new_id(),
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
    if line_id is not None:
        facts = {"clip_id": wanted.clip_id, "line_id": line_id}
        event.record(session, f"reservation.{kind}", made.id, **facts)
    return made


def _release_expired(session: Session, clip_ids: Collection[str] | None) -> int:
    over = [
        Reservation.kind == ReservationKind.HOLD,
        Reservation.released_ms.is_(None),
        Reservation.expires_ms <= now_ms(),
    ]
    if clip_ids:
        over.append(Reservation.clip_id.in_(clip_ids))
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
