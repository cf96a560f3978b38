"""Who asks, from cookies and headers; the guest's cookie; the token of each form."""

import hashlib
import hmac
import ipaddress
import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog import auth, desks, throttle
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound
from models.account import Secret
from models.base import reading, unit_of_work
from models.settings import settings

SIGN_IN, GUEST = "sign_in", "guest"
GUEST_S = 30 * 86_400
SEARCHES, SEARCHES_S = 1_200, 60
"""By one network address, in each process."""
BROWSERS = (  # the first that is said: each says the names of those below as well
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
HERE = ("127.0.0.1", "::1")
"""This machine's own address is everybody's, behind a proxy that does not forward."""
PROGRAMS = ("/api/", "/feeds/", "/media/")
"""Where a token speaks for its account."""


def visitor(request: Request) -> Visitor:
    """Asked for once a request. A guest is known by a cookie that is made when it is needed."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is None:
        known = _known(request)
        if not known.noted:
            with unit_of_work() as session:
                auth.note_use(session, known.token_id)
        request.state.visitor = known
    return known


def _known(request: Request) -> Visitor:
    sign_in, bearer = request.cookies.get(SIGN_IN, ""), _bearer(request)
    guest = _guest_word(request)
    if not (sign_in or bearer):  # nothing that the database would know
        return auth.guest_of(guest)
    with reading() as session:
        return auth.visitor_of(session, sign_in=sign_in, bearer=bearer, guest=guest)


Asking = Annotated[Visitor, Depends(visitor)]


def own_desk(request: Request, visitor: Asking) -> None:
    """For every route under which a desk is read or changed, by the noun its address names."""
    with reading() as session:
        for noun in desks.KEYS:
            key = request.path_params.get(f"{noun}_id")
            if key is not None:
                desks.needs_that(session, visitor, noun, key, "recordings:read")
                return
    raise NotFound("This address names nothing that has an owner.")


def guest(request: Request) -> str:
    """The guest's hash for something to be kept for them; makes the cookie where there is none."""
    if not _guest_word(request):
        request.state.guest_word = secrets.token_urlsafe(24)
        request.state.visitor = None
    return auth.sha256(_guest_word(request))


def form_field(request: Request) -> Markup:
    """The hidden field that every form carries; its token belongs to this browser alone.

    A browser without cookies gets none, so that its pages are the same for everybody.
    """
    word = _own_word(request)
    if not word:
        return Markup("")
    return Markup('<input type="hidden" name="form_token" value="{}">').format(_token(word))


def ours(request: Request, form_token: Annotated[str, Form(max_length=100)] = "") -> None:
    """For every form that changes something. Raises BadRequest for another site's, or a stale one.

    A browser without cookies has nothing that another site could use: its origin is enough. So it
    is for a guest whose page is older than the cookie, where the browser proves the origin.
    """
    same_origin(request)
    word = _own_word(request)
    older = not form_token and SIGN_IN not in request.cookies and _proves_origin(request)
    if word and not older and not hmac.compare_digest(form_token.encode(), _token(word).encode()):
        raise BadRequest("This form is out of date. Load the page again and send it once more.")


def _proves_origin(request: Request) -> bool:
    return any(name in request.headers for name in ("sec-fetch-site", "origin"))


def our_visitor(request: Request, form_token: Annotated[str, Form(max_length=100)] = "") -> None:
    """For forms that sign in: the browser must have been given the form here, without exception.
    Else another site could sign somebody in to an account that is not theirs.
    """
    same_origin(request)
    word = _own_word(request)
    if not word:
        raise BadRequest("Your browser sent no cookie with this form. Allow this site its cookies.")
    if not hmac.compare_digest(form_token.encode(), _token(word).encode()):
        raise BadRequest("This form is out of date. Load the page again and send it once more.")


def from_our_page(request: Request) -> None:
    """For a script of ours that changes something: what `ours` is for forms."""
    same_origin(request)
    word = _own_word(request)
    sent = request.headers.get("x-form-token", "")
    if not word or not hmac.compare_digest(sent.encode(), _token(word).encode()):
        raise BadRequest("A change by a signed-in browser needs its page's X-Form-Token.")


def same_origin(request: Request) -> None:
    """Raises BadRequest for a form that another site made the browser send.

    The browser's own word decides where there is one: a proxy may rewrite Host and scheme.
    """
    said, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if said:
        foreign = said not in ("same-origin", "none")
    else:
        homes = request.headers.get("host"), urlsplit(settings().base_url).netloc
        foreign = bool(origin) and str(origin).rpartition("://")[2] not in homes
    if foreign:
        raise BadRequest("This form was sent from another site.")


def address_of(request: Request) -> str:
    """Of the network, to count by; it is never kept as it is. Of IPv6 the first half, because one
    customer of a provider has all that begin with it.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


def unhurried(request: Request) -> None:
    """For searches. Raises TooMany for a program that reads the catalogue dry."""
    whom = address_of(request)
    if whom not in HERE:
        throttle.glance("search", whom, SEARCHES, SEARCHES_S)


def guests_share(session: Session, request: Request, what: str, most: int) -> None:
    """For what is kept for guests: whoever throws their cookie away is still at one address.

    `most` in an hour. Raises TooMany.
    """
    whom = address_of(request)
    if visitor(request).account_id is None and whom not in HERE:
        throttle.take(session, f"{what} at", whom, most, 3_600)


def has_cookie(request: Request) -> bool:
    return bool(_own_word(request))


def browser_of(request: Request) -> str:
    """ "Firefox on Linux", so that a person knows it again; not more of it is kept."""
    said = request.headers.get("user-agent", "")
    browser = next((name for mark, name in BROWSERS if mark in said), "")
    system = next((name for mark, name in SYSTEMS if mark in said), "")
    return f"{browser} on {system}" if browser and system else browser or system


def forget_guest(request: Request) -> None:
    request.state.guest_over = True


def keep_signed_in(request: Request, word: str) -> None:
    """The sign-in's cookie goes out with this answer; an empty word takes it back."""
    request.state.sign_in_word = word
    request.state.visitor = None


class Cookies:
    """Sets what the handlers left in the request's state. Strictly necessary cookies, no others."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, word, life_s in _set(state):
                    headers.append("Set-Cookie", _cookie(name, word, life_s))
            await send(message)

        await self.app(scope, receive, with_cookies)


def _set(state: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = []
    if state.get("guest_over"):
        found.append((GUEST, "", 0))
    elif state.get("guest_word"):
        found.append((GUEST, state["guest_word"], GUEST_S))
    if "sign_in_word" in state:
        word = state["sign_in_word"]
        found.append((SIGN_IN, word, auth.SIGN_IN_MS // 1000 if word else 0))
    return found


def _cookie(name: str, word: str, life_s: int) -> str:
    secure = "; Secure" if settings().base_url.startswith("https:") else ""
    return f"{name}={word}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Lax{secure}"


def _bearer(request: Request) -> str:
    """Programs have doors of their own: a token opens no page, so no scope has a way around it."""
    if not str(request.scope["path"]).startswith(PROGRAMS):
        return ""
    kind, _, word = request.headers.get("authorization", "").partition(" ")
    return word.strip() if kind.lower() == "bearer" else ""


def _guest_word(request: Request) -> str:
    made: str = getattr(request.state, "guest_word", "")
    return made or request.cookies.get(GUEST, "")


def _own_word(request: Request) -> str:
    return request.cookies.get(SIGN_IN, "") or _guest_word(request)


def _token(word: str) -> str:
    return hmac.new(_key(), word.encode(), hashlib.sha256).hexdigest()


def _key() -> bytes:
    with reading() as session:
        found = session.get(Secret, "forms")
    if found is None:
        with unit_of_work() as session:
            return auth.secret(session, "forms").encode()
    return found.value.encode()
