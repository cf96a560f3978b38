"""Licenses: granted for a paid line or a free quote, revoked, seen by those they concern."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import Session, joinedload

from catalog import certificates, cursors, hooks, mail, quotes, reels, reservations
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal, SignInNeeded
from catalog.terms import fields
from catalog.uses import interval, use_of
from models import event
from models.account import Role
from models.base import now_ms
from models.clip import Clip
from models.license import License, LicenseState
from models.listing import Listing
from models.order import Order, OrderLine
from models.quote import Quote, QuoteState
from models.recording import Recording
from models.steps import ask
from models.terms import Terms

MOST_LISTED = 200


def grant(session: Session, line: OrderLine) -> License:
    """For a paid line, in the transaction that makes it paid. A second call finds the first's."""
    found = session.scalars(select(License).filter_by(order_line_id=line.id)).one_or_none()
    if found is not None:
        return found
    order = line.order
    kept, use = reservations.of_line(session, line.id), use_of(line.use)
    span = (kept.from_ms, kept.until_ms) if kept else interval(use, _now(session))
    made = License(
        order_line=line,
        listing_id=line.listing_id,
        terms_id=line.terms_id,
        account_id=order.account_id,
        licensee=order.name,
        email=order.email,
        use=line.use,
        price_cents=line.price_cents,
        currency=order.currency,
    )
    return _granted(session, made, *span)


def grant_free(session: Session, visitor: Visitor, quote: Quote) -> License:
    """What costs nothing, for an account. A second call for the quote finds the first's license.

    Raises SignInNeeded for a guest, Refusal for what has a price or is somebody else's by now.
    """
    if visitor.account_id is None:
        raise SignInNeeded("A free license is kept in an account. Sign in, then ask for it again.")
    if quote.price_cents:
        raise Refusal("This license has a price. Put it in the cart.", "not_free")
    terms = session.get_one(Terms, quote.terms_id)
    session.refresh(quote, with_for_update=True)
    if quote.state == QuoteState.ORDERED:
        return _of_quote(session, visitor, quote)
    use, clip_id = use_of(quote.use), quote.listing.clip_id
    starts_ms, ends_ms = interval(use, _now(session))
    taken = reservations.collision(session, clip_id, use, fields(terms), starts_ms, ends_ms)
    if taken is not None:
        raise taken.refusal()
    made = License(
        listing_id=quote.listing_id,
        terms_id=quote.terms_id,
        account_id=visitor.account_id,
        licensee=visitor.name or visitor.email,
        email=visitor.email,
        use=quote.use,
        price_cents=0,
        currency=quote.currency,
    )
    quotes.ordered(session, quote)
    granted = _granted(session, made, starts_ms, ends_ms)
    mail.write(session, visitor.email, "license", license=granted, listing=granted.listing)
    return granted


def revoke(session: Session, license_id: str, why: str) -> bool:
    """From now on it lets nobody do anything. False where it was revoked before."""
    row = session.get(License, license_id, with_for_update=True)
    if row is None or row.state == LicenseState.REVOKED:
        return False
    row.state, row.revoked_why = LicenseState.REVOKED, why[:300]
    row.revoked_ms = _now(session)
    if row.order_line_id is not None:
        reservations.release(session, row.order_line_id)
    _look_at_reels(session, row)
    event.record(session, "license.revoked", row.id, why=why)
    hooks.revoked(session, row)
    return True


def reinstate(session: Session, row: License) -> None:
    """Of a paid line: it was revoked, and holds again with its dates. Raises Refusal where somebody
    else has the rights by now.
    """
    assert row.order_line is not None
    reservations.take_again(session, row.order_line, row.starts_ms, row.ends_ms)
    row.state, row.revoked_ms, row.revoked_why = LicenseState.ACTIVE, None, ""
    ask(session, "deliver", row.id, None)
    event.record(session, "license.reinstated", row.id)
    _look_at_reels(session, row)


def visible(session: Session, visitor: Visitor, license_id: str) -> License:
    """To its licensee, the clip's creator and staff. Raises NotFound for everybody else."""
    found = session.scalars(
        _with_clip().where(License.id == license_id, _concerns(visitor))
    ).one_or_none()
    if found is None:
        raise NotFound("There is no license at this address for you.")
    return found


def held_by(session: Session, visitor: Visitor) -> Sequence[License]:
    """One's own, newest first."""
    return page(session, visitor, None, MOST_LISTED).rows


def page(
    session: Session, visitor: Visitor, cursor: str | None, limit: int
) -> cursors.Page[License]:
    wanted = _with_clip().where(_own(visitor))
    return cursors.page(session, wanted, License.granted_ms, License.id, cursor, limit)


def alive_for(session: Session, visitor: Visitor, clip_id: str) -> License | None:
    """The visitor's own license of the clip that lasts longest."""
    wanted = _with_clip().where(
        Listing.clip_id == clip_id,
        License.state == LicenseState.ACTIVE,
        License.ends_ms > now_ms(),
        _own(visitor),
    )
    return session.scalars(wanted.order_by(License.ends_ms.desc(), License.id)).first()


def _granted(session: Session, made: License, starts_ms: int, ends_ms: int) -> License:
    made.starts_ms, made.ends_ms = starts_ms, ends_ms
    session.add(made)
    session.flush()
    certificates.issue(session, made)
    ask(session, "deliver", made.id, None)
    event.record(session, "license.granted", made.id, listing_id=made.listing_id)
    _look_at_reels(session, made)
    return made


def _look_at_reels(session: Session, row: License) -> None:
    """What one has alone, or no longer has, leaves the recording's reel or comes back to it."""
    if fields(session.get_one(Terms, row.terms_id)).exclusive:
        session.flush()
        clip = session.get_one(Listing, row.listing_id).clip
        reels.look(session, clip.recording_id, rest_ms=reels.REST_MS)


def _of_quote(session: Session, visitor: Visitor, quote: Quote) -> License:
    wanted = select(License).where(
        License.listing_id == quote.listing_id,
        License.terms_id == quote.terms_id,
        License.account_id == visitor.account_id,
        License.price_cents == 0,
    )
    found = session.scalars(wanted.order_by(License.granted_ms.desc())).first()
    if found is None:
        raise Refusal("This quote was used before. Ask for a new one.", "quote_used")
    return found


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0


def _with_clip() -> Select[License]:
    clip = joinedload(License.listing).joinedload(Listing.clip)
    return (
        select(License)
        .join(License.listing)
        .join(Listing.clip)
        .join(Clip.recording)
        .outerjoin(License.order_line)
        .outerjoin(OrderLine.order)
        .options(
            clip.selectinload(Clip.assets),
            clip.joinedload(Clip.recording).joinedload(Recording.creator),
            joinedload(License.terms),
            joinedload(License.order_line).joinedload(OrderLine.order),
        )
    )


def _concerns(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.has(Role.STAFF):
        return true()
    return or_(_own(visitor), Recording.creator_id.in_(visitor.creator_ids))


def _own(visitor: Visitor) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [false()]
    if visitor.account_id is not None:
        found.append(License.account_id == visitor.account_id)
    if visitor.guest:
        found.append(and_(Order.guest == visitor.guest, License.account_id.is_(None)))
    return or_(*found)
