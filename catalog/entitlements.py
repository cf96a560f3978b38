"""What an account may do now: the single gate that every clip's page, words and bytes pass."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.functions import FunctionElement

from catalog.auth import Visitor
from catalog.members import memberships
from models.account import Role
from models.base import now_ms
from models.clip import Clip
from models.license import License, LicenseState
from models.listing import Listing, ListingState, is_public
from models.membership import Membership, Tier
from models.order import Order, OrderLine
from models.perk import Early
from models.recording import Recording
from models.terms import Terms

Action = Literal["see", "preview", "clean"]
"""see: its page, poster and words; preview: the marked copy; clean: the work without a mark."""
MEMBER = "memberships:read"
"""The scope with which a token sees what its account sees as a member."""


def may_use(session: Session, visitor: Visitor, clip: Clip, action: Action, at_ms: int) -> bool:
    """`at_ms`: the database's now. A token needs the scope for what only its account may have."""
    if action in ("see", "preview"):
        seen = exists().where(Listing.clip_id == clip.id, seen_by(visitor, at_ms))
        return bool(session.scalar(select(seen))) or _works_on(session, visitor, clip)
    return _works_on(session, visitor, clip) or any(
        not marked(one) for one in licenses_of(session, visitor, clip.id, at_ms)
    )


def seen_by(visitor: Visitor, at_ms: int) -> ColumnElement[bool]:
    """Of listings: those on sale, those that this member sees earlier, those that are one's own
    and not withdrawn. Withdrawn is for nobody."""
    own: ColumnElement[bool] = false()
    if visitor.may_scope("recordings:read"):
        own = Listing.creator_id.in_(visitor.creator_ids)
        if Role.STAFF in visitor.roles:
            own = Listing.id.is_not(None)
    seen = or_(Listing.visible_from_ms <= at_ms, early_for(visitor, at_ms), own)
    return (Listing.state == ListingState.PUBLIC) & seen


def early_for(visitor: Visitor, at_ms: int) -> ColumnElement[bool]:
    """Of listings: those that open to everybody later, and to this member are open now."""
    if visitor.account_id is None or not visitor.may_scope(MEMBER):
        return false()
    ladder = (
        select(Membership.id)
        .join(Tier, Tier.id == Membership.tier_id)
        .outerjoin(Early, Early.clip_id == Listing.clip_id)
        .where(
            Membership.account_id == visitor.account_id,
            Membership.creator_id == Listing.creator_id,
            memberships.gives_perks(at_ms),
            Listing.visible_from_ms - _lead() <= at_ms,
        )
        .correlate(Listing)
    )
    waits = (Listing.state == ListingState.PUBLIC) & (Listing.visible_from_ms > at_ms)
    return waits & ~embargoed(at_ms) & exists(ladder)


def in_window(at_ms: int) -> ColumnElement[bool]:
    """Of listings: open to everybody, or to the members of one tier at least. For those who work
    on them: what somebody may see is out."""
    steps = (
        select(Tier.id)
        .outerjoin(Early, Early.clip_id == Listing.clip_id)
        .where(
            Tier.creator_id == Listing.creator_id,
            in_force(),
            Listing.visible_from_ms - _lead() <= at_ms,
        )
        .correlate(Listing)
    )
    opened = (Listing.visible_from_ms <= at_ms) | (~embargoed(at_ms) & exists(steps))
    return (Listing.state == ListingState.PUBLIC) & opened


def embargoed(at_ms: int) -> ColumnElement[bool]:
    """Of listings: their recording's sidecar says that nobody is to see them yet. No lead is
    counted from before that."""
    until = _said(Recording.sidecar, literal_column("'embargo_ms'"))
    lasts = select(Clip.id).join(Recording, Recording.id == Clip.recording_id)
    return exists(lasts.where(Clip.id == Listing.clip_id, until > at_ms).correlate(Listing))


def in_force() -> ColumnElement[bool]:
    """Of tiers: those that can be joined, and those that are closed and that somebody has."""
    had = exists().where(Membership.tier_id == Tier.id, memberships.is_alive())
    return Tier.retired_ms.is_(None) | had


def tier_of(session: Session, visitor: Visitor, creator_id: str) -> Tier | None:
    """Whose perks the visitor has with this creator now."""
    if visitor.account_id is None or not visitor.may_scope(MEMBER):
        return None
    return session.scalars(
        select(Tier)
        .join(Membership, Membership.tier_id == Tier.id)
        .where(
            Membership.account_id == visitor.account_id,
            Membership.creator_id == creator_id,
            memberships.gives_perks(now_of(session)),
        )
        .order_by(Tier.rank.desc())
        .limit(1)
    ).first()


def seen_by_all(clip_id: str | InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """What is on sale is: its page, poster and words, and the marked copy."""
    return exists().where(Listing.clip_id == clip_id, is_public())


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


def _works_on(session: Session, visitor: Visitor, clip: Clip) -> bool:
    if not visitor.may_scope("recordings:read"):
        return False
    creator_id = session.scalar(
        select(Recording.creator_id).where(Recording.id == clip.recording_id)
    )
    return creator_id is not None and visitor.works_for(creator_id)


class _said(FunctionElement[int]):
    """The number that a column of JSON says for the key in another column."""

    inherit_cache = True
    type = BigInteger()


@compiles(_said, "sqlite")
def _sqlite_said(element: Any, compiler: Any, **kw: Any) -> str:
    said, key = (compiler.process(one, **kw) for one in element.clauses)
    return f"""CAST(json_extract({said}, '$."' || {key} || '"') AS INTEGER)"""


@compiles(_said, "postgresql")
def _postgres_said(element: Any, compiler: Any, **kw: Any) -> str:
    said, key = (compiler.process(one, **kw) for one in element.clauses)
    return f"CAST({said} ->> {key} AS BIGINT)"


def _lead() -> ColumnElement[int]:
    """How much earlier: the clip's own ladder, else the tier's. Not named there: with everybody."""
    own = func.coalesce(_said(Early.leads, Tier.key), 0)
    return case((Early.clip_id.is_not(None), own), else_=Tier.lead_ms)
