"""The head of every page: who is signed in, where they may go, what is in their cart."""

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from catalog.auth import NOBODY, Visitor
from catalog.errors import CatalogError
from catalog.web.visitors import visitor
from models.account import Role
from models.base import reading
from models.membership import Membership
from models.order import Order, OrderLine, OrderState

MEMBERSHIPS = ("/memberships", "Memberships")
DESK = (
    ("/members", "Members"),
    ("/offers", "Offers"),
    ("/prices", "Prices"),
    ("/earnings", "Earnings"),
    ("/figures", "Figures"),
)
"""What a creator lives by: each of these leads to the others."""


def who(request: Request) -> Visitor:
    """Nobody where that can't be found out: a page that says so must still be made."""
    try:
        return visitor(request)
    except (CatalogError, OperationalError):
        return NOBODY


def places(request: Request) -> list[tuple[str, str]]:
    """Addresses and names, beside the catalogue that everyone has."""
    one = who(request)
    found = []
    if _creates(one):
        found += [("/recordings", "Recordings"), ("/quotes", "Quotes"), ("/pools", "Pools")]
    elif one.has(Role.PARTNER):
        found += [("/quotes", "Quotes"), ("/pools", "Pools")]
    elif one.account_id:
        found += [("/quotes", "Quotes")]
    if one.account_id:
        found.append(("/licenses", "Licenses"))
    if _joined(request, one) and not _busy(one):
        found.append(MEMBERSHIPS)
    if one.has(Role.STAFF):
        found.append(("/staff", "Staff"))
    return found


def own(request: Request) -> list[tuple[str, str]]:
    """What stands in the account's menu."""
    one = who(request)
    found = [("/orders", "Orders"), ("/lightboxes", "Lightboxes"), ("/searches", "Saved searches")]
    if _joined(request, one) and _busy(one):
        found.append(MEMBERSHIPS)
    if _creates(one):
        found += DESK
    return [*found, ("/account", "Account")]


def desk_places(request: Request) -> tuple[tuple[str, str], ...]:
    """Beside each other on these pages alone. A single offer's page is its buyer's."""
    path = request.url.path
    within = any(path == at or path.startswith(f"{at}/") for at, _ in DESK)
    return DESK if within and not path.startswith("/offers/") and _creates(who(request)) else ()


def cart_count(request: Request) -> int:
    one = who(request)
    mine = Order.account_id == one.account_id if one.account_id else Order.guest == one.guest
    if not one.account_id and not one.guest:
        return 0
    counted = select(func.count()).select_from(OrderLine).join(Order)
    try:
        with reading() as session:
            return session.scalar(counted.where(Order.state == OrderState.CART, mine)) or 0
    except OperationalError:
        return 0


def _busy(one: Visitor) -> bool:
    """Whose places would not fit beside each other."""
    return _creates(one) or one.has(Role.PARTNER)


def _joined(request: Request, one: Visitor) -> bool:
    """Whoever has or had a membership; asked for once a page."""
    if one.account_id is None:
        return False
    known: bool | None = getattr(request.state, "joined", None)
    if known is None:
        wanted = select(Membership.id).filter_by(account_id=one.account_id).limit(1)
        try:
            with reading() as session:
                known = session.scalar(wanted) is not None
        except OperationalError:
            known = False
        request.state.joined = known
    return known


def _creates(one: Visitor) -> bool:
    return bool(one.creator_ids) or one.has(Role.CREATOR)
