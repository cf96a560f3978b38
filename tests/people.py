"""The people of the tests: accounts, signed in as a browser is, and forms as a page sends them."""

from typing import Any

from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog import auth, tokens
from catalog.web import visitors
from models.account import Account, Role
from models.base import unit_of_work
from models.creator import creator_of

HOST = "127.0.0.1"
"""Of the client's addresses: a cookie that a page sets takes the place of one set here."""


def account(email: str, *roles: Role, creator: str = "") -> str:
    """Its id; made at the first call. `creator`: the slug whose desk is theirs."""
    with unit_of_work() as session:
        found = session.scalars(select(Account).filter_by(email=email)).one_or_none()
        if found is None:
            found = Account(email=email, name=email.split("@")[0].title(), roles=list(roles))
            session.add(found)
            session.flush()
        if creator:
            creator_of(session, creator).account_id = found.id
        return found.id


def sign_in(client: TestClient, email: str, *roles: Role, creator: str = "") -> str:
    """The account's id; from now on the client is signed in as that person."""
    account_id = account(email, *roles, creator=creator)
    with unit_of_work() as session:
        word = auth.begin_sign_in(session, session.get_one(Account, account_id))
    client.cookies.set(visitors.SIGN_IN, word, domain=HOST)
    return account_id


def sign_out(client: TestClient) -> None:
    client.cookies.clear()


def token(account_id: str, *scopes: str) -> dict[str, str]:
    """The header of a program that acts for the account."""
    with unit_of_work() as session:
        _, word = tokens.make(session, account_id, "a test", scopes, 1)
    return {"Authorization": f"Bearer {word}"}


def form_token(client: TestClient) -> str:
    """What the hidden field of this client's forms holds; empty without cookies."""
    word = client.cookies.get(visitors.SIGN_IN) or client.cookies.get(visitors.GUEST)
    return visitors._token(word) if word else ""


def post(
    client: TestClient, path: str, headers: dict[str, str] | None = None, **fields: Any
) -> Response:
    """A form of ours, sent as the page would."""
    return client.post(path, data={"form_token": form_token(client), **fields}, headers=headers)
