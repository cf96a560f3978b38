"""The head of every page: who is signed in, where they may go, what is in their cart."""

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from catalog.auth import NOBODY, Visitor
from catalog.errors import CatalogError
from catalog.web.visitors import visitor
from models.account import Role
from models.base import reading
from models.order import Order, OrderLine, OrderState


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
    if one.has(Role.STAFF):
        found.append(("/staff", "Staff"))
    return found


def own(request: Request) -> list[tuple[str, str]]:
    """What stands in the account's menu."""
    one = who(request)
    found = [("/orders", "Orders"), ("/lightboxes", "Lightboxes"), ("/searches", "Saved searches")]
    if _creates(one):
        found += [("/prices", "Prices"), ("/earnings", "Earnings")]
    return [*found, ("/account", "Account")]


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


def _creates(one: Visitor) -> bool:
    return bool(one.creator_ids) or one.has(Role.CREATOR)
