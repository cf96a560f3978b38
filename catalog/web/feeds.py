"""The feeds of pools, for partners' programs: by a token in the header or in the address."""

import hashlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import auth, feeds, rss, throttle
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.feeds import Feed
from catalog.partners import SCOPE, needs_scope
from catalog.web.visitors import address_of, visitor
from models.base import reading, unit_of_work

router = APIRouter(include_in_schema=False)
READ = ["GET", "HEAD"]
FORMS: dict[str, tuple[str, Callable[[Feed], bytes]]] = {
    "mrss": ("application/rss+xml", rss.mrss),
    "rss": ("application/rss+xml", rss.plain),
    "json": ("application/feed+json", lambda feed: feeds.as_json(feed).encode()),
}
KEPT = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
"""The address may hold a token: it goes to nobody else."""
Token = Annotated[str, Query(max_length=100)]
MOST, PER_S = 120, 60


@router.api_route("/feeds/{slug}.{form}", methods=READ)
def feed(
    request: Request,
    slug: str,
    form: str,
    token: Token = "",
    cursor: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    if form not in FORMS:
        raise NotFound("A feed is read as .mrss, .rss or .json.")
    asking = _reader(request, token)
    mime, write = FORMS[form]
    with reading() as session:
        found = feeds.read(session, asking, slug, form, cursor=cursor, token=token)
        body = write(found)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = {**KEPT, "ETag": tag, "Last-Modified": rss.date(found.changed_ms)}
    if _unchanged(request, tag, found.changed_ms):
        return Response(status_code=304, headers=kept)
    return Response(body, headers=kept, media_type=f"{mime}; charset=utf-8")


@router.api_route("/feeds/{slug}/clips/{clip_id}", methods=READ)
def clip(request: Request, slug: str, clip_id: str, token: Token = "") -> Response:
    """To the reader's own copy, where a license gives it at this moment."""
    asking = _reader(request, token)
    with unit_of_work(asking.actor) as session:  # it may make the key that signs
        link = feeds.clean_link(session, asking, slug, clip_id)
    return RedirectResponse(link, 307, headers={**KEPT, "Cache-Control": "no-store"})


def _reader(request: Request, token: str) -> Visitor:
    """Raises SignInNeeded, ScopeNeeded or TooMany."""
    throttle.glance("feed", address_of(request), MOST, PER_S)
    if not token:
        asking = visitor(request)
    else:
        with reading() as session:
            asking = auth.visitor_of(session, bearer=token)
        if not asking.noted:
            with unit_of_work() as session:
                auth.note_use(session, asking.token_id)
    needs_scope(asking, SCOPE)
    return asking


def _unchanged(request: Request, tag: str, changed_ms: int) -> bool:
    """The tag decides where both are sent (RFC 9110)."""
    seen = request.headers.get("if-none-match")
    if seen is not None:
        return any(one.strip().removeprefix("W/") in (tag, "*") for one in seen.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since") or "")
        return changed_ms // 1000 <= since.timestamp()
    except (ValueError, TypeError, OverflowError):
        return False
