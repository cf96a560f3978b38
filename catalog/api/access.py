"""Who may call a door of the API: a token with the door's scope, or a browser that is signed in."""

from typing import Any

from fastapi import Depends, Request

from catalog import throttle
from catalog.auth import Visitor, needs
from catalog.errors import ScopeNeeded, SignInNeeded
from catalog.web.visitors import Asking, from_our_page, has_cookie

READS = ("GET", "HEAD")
TOKEN = (
    "Send a token in the header Authorization, as Bearer and the token. You make tokens on the "
    "page Account."
)
MOST, PER_S = 1_200, 60
"""Requests by one token, in each process."""


def scope(name: str, *, guests: bool = False) -> Any:
    """`Depends` that answers the Visitor. Raises SignInNeeded or ScopeNeeded.

    A change by a browser's cookie needs the page's form token too, in the header X-Form-Token.
    """

    def check(request: Request, visitor: Asking) -> Visitor:
        if not guests:
            needs(visitor)
        if visitor.token_id:
            throttle.glance("token", visitor.token_id, MOST, PER_S)
        elif request.method not in READS:
            if not has_cookie(request):
                raise SignInNeeded(TOKEN)
            from_our_page(request)
        if not visitor.may_scope(name):
            raise ScopeNeeded(f"It needs the scope {name}. A new token can have it: see Account.")
        return visitor

    check.needed = (name, guests)  # type: ignore[attr-defined]  # for the API's own description
    return Depends(check)
