"""What an account may do now: the single gate that bytes of a clip pass."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.listings import is_public
from models.base import now_ms
from models.clip import Clip
from models.license import License, LicenseState
from models.listing import Listing
from models.order import Order, OrderLine
from models.recording import Recording
from models.terms import Terms

Action = Literal["see", "preview", "clean"]
"""see: its page, poster and words; preview: the marked copy; clean: the work without a mark."""


def may_use(session: Session, visitor: Visitor, clip: Clip, action: Action, at_ms: int) -> bool:
    """`at_ms`: the database's now. A token needs the scope for what only its account may have."""
    if action in ("see", "preview"):
        return _is_on_sale(session, clip.id) or _works_on(session, visitor, clip)
    return _works_on(session, visitor, clip) or any(
        not marked(one) for one in licenses_of(session, visitor, clip.id, at_ms)
    )


def now_of(session: Session) -> int:
    """The database's clock."""
    return session.scalar(select(now_ms())) or 0


def licenses_of(session: Session, visitor: Visitor, clip_id: str, at_ms: int) -> Sequence[License]:
    """The visitor's own that are alive."""
    wanted = (
        select(License)
        .join(Listing, Listing.id == License.listing_id)
        .outerjoin(OrderLine, OrderLine.id == License.order_line_id)
        .outerjoin(Order, Order.id == OrderLine.order_id)
        .where(
            Listing.clip_id == clip_id,
            License.state == LicenseState.ACTIVE,
            License.ends_ms > at_ms,
            _licensee(visitor),
        )
    )
    return session.scalars(wanted).unique().all()


def is_licensee(session: Session, visitor: Visitor, license_id: str) -> bool:
    """Alive or not. Neither its seller nor staff is: a delivered copy is one person's."""
    wanted = (
        select(License.id)
        .outerjoin(OrderLine, OrderLine.id == License.order_line_id)
        .outerjoin(Order, Order.id == OrderLine.order_id)
        .where(License.id == license_id, _licensee(visitor))
    )
    return session.scalar(wanted) is not None


def marked(row: License) -> bool:
    """What it lets one have is the marked copy: comp."""
    return is_marked(row.terms)


def is_marked(terms: Terms) -> bool:
    return terms.kind == "comp" or bool(terms.fields.get("watermarked"))


def _licensee(visitor: Visitor) -> ColumnElement[bool]:
    if not visitor.may_scope("licenses:read"):
        return false()
    found: list[ColumnElement[bool]] = []
    if visitor.account_id is not None:
        found.append(License.account_id == visitor.account_id)
    if visitor.guest:
        theirs = and_(Order.guest == visitor.guest, License.account_id.is_(None))
        found.append(theirs)
    return or_(false(), *found)


def _is_on_sale(session: Session, clip_id: str) -> bool:
    wanted = select(Listing.id).where(Listing.clip_id == clip_id, is_public())
    return session.scalar(wanted) is not None


def _works_on(session: Session, visitor: Visitor, clip: Clip) -> bool:
    if not visitor.may_scope("recordings:read"):
        return False
    creator_id = session.scalar(
        select(Recording.creator_id).where(Recording.id == clip.recording_id)
    )
    return creator_id is not None and visitor.works_for(creator_id)
