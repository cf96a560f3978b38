"""The operator's way in: a link that is printed where only the operator reads."""

from collections.abc import Sequence

from catalog import accounts
from catalog.web import links
from models.account import Role
from models.base import unit_of_work
from models.settings import settings


def link(email: str = "", roles: Sequence[Role] = (), back: str = "/") -> str:
    """For the operator where no address is given. The account is made if there is none."""
    operator = settings().operator.lower()
    email = email or operator
    if email.strip().lower() == operator:
        roles = [*roles, Role.STAFF]
    with unit_of_work() as session:
        account = accounts.account_of(session, email, *roles)
        return links.magic(session, account.email, back)


def told() -> str:
    """For the start of a server: two lines."""
    about = f"(as {settings().operator}; once, within {accounts.LINK_MS // 60_000} minutes)"
    return f"Sign in    {link()}\n           {about}"
