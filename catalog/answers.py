"""Errors as answers: problem+json for programs, a page that says what to do for people."""

from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from catalog import problems
from catalog.errors import (
    CatalogError,
    Damaged,
    RangeRefused,
    Refusal,
    ScopeNeeded,
    SignInNeeded,
    TooMany,
)
from catalog.headers import SECURITY
from catalog.web.links import path_of
from catalog.web.rendering import page, with_query
from models.storage import StoreDown

log = structlog.get_logger()

DETAILS = {
    404: "The address may be mistyped, or what was here is no longer on sale.",
    405: "This address exists, but not for that method.",
}
PROGRAMS = ("/api/", "/oembed", "/feeds/")
"""Whoever asks here reads JSON."""
LETTING_IN = (
    "/enter/",
    "/feeds/members/",
    "/letters/confirm/",
    "/letters/preferences/",
    "/letters/unsubscribe/",
)
"""What follows is a word that opens something without a sign-in."""
RETRY = {"Retry-After": "10"}
BEARER = 'Bearer realm="Reelyard"'
OURS = ("type", "title", "status", "detail", "instance", "headers")


def install(app: FastAPI) -> None:
    for kind, tells in HANDLERS.items():
        app.add_exception_handler(kind, tells)


def answer(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    code: str = "",
    **facts: Any,
) -> Response:
    if request.url.path.startswith(PROGRAMS):
        kind = problems.kind_of(status, code)
        told = {"type": problems.address(kind), "title": title, "status": status, "detail": detail}
        more = {"instance": request.url.path, **({"code": code} if code else {})}
        body = {**facts, **told, **more}
        return JSONResponse(body, status, headers, media_type="application/problem+json")
    if request.headers.get("hx-request"):  # a page is open: it shows one line
        made = page(request, "_refused.html", status=status, title=title, detail=detail)
    else:
        made = page(request, "error.html", status=status, code=status, title=title, detail=detail)
    made.headers.update(headers or {})
    return made


def problem(
    request: Request,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    code: str = "",
    **facts: Any,
) -> Response:
    """With the title that its kind has; short and plain where it is too early for a page."""
    title = problems.kind_of(status, code).title
    if request.url.path.startswith(PROGRAMS):
        return answer(request, status, title, detail, headers, code, **facts)
    return PlainTextResponse(f"{title}. {detail}\n", status, headers)


def told(request: Request, error: Exception) -> Response:
    """For what happens before a handler is reached."""
    for kind, tells in HANDLERS.items():
        if kind is not Exception and isinstance(error, kind):
            return tells(request, error)
    raise error


def _too_large(request: Request, error: Exception) -> Response:
    """PostgreSQL refuses what SQLite would take: NUL, a number beyond 64 bits."""
    said = "A value in it is too large, or holds a character that can't be kept."
    return answer(request, 400, "Part of this request can't be read", said)


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, CatalogError)
    if isinstance(error, SignInNeeded) and not request.url.path.startswith(PROGRAMS):
        return _to_sign_in(request)
    more = {**error.facts, "code": error.code} if isinstance(error, Refusal) else {}
    facts: dict[str, Any] = {name: value for name, value in more.items() if name not in OURS}
    return answer(request, error.status, error.title, str(error), _headers(request, error), **facts)


def _headers(request: Request, error: CatalogError) -> dict[str, str]:
    if isinstance(error, RangeRefused):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, Damaged):
        return {"Retry-After": "3600"}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_s)}
    if isinstance(error, SignInNeeded):
        sent = "authorization" in request.headers
        return {"WWW-Authenticate": BEARER + (', error="invalid_token"' if sent else "")}
    if isinstance(error, ScopeNeeded):
        return {"WWW-Authenticate": f'{BEARER}, error="insufficient_scope"'}
    return {}


def _to_sign_in(request: Request) -> Response:
    """And from there back: to this page, or to the one that held the form."""
    shown, within = request.headers.get("hx-current-url"), request.headers.get("hx-request")
    if not within and request.method in ("GET", "HEAD"):
        shown = str(request.url)
    target = with_query("/sign-in", back=path_of(shown or request.headers.get("referer") or ""))
    if within:
        return Response(status_code=200, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)


def _logged(request: Request) -> str:
    """The path; not the word of one that lets somebody in."""
    path = request.url.path
    return next((f"{one}..." for one in LETTING_IN if path.startswith(one)), path)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = problems.kind_of(error.status_code).title
    detail = DETAILS.get(error.status_code, str(error.detail))
    facts = getattr(error, "facts", {})
    return answer(request, error.status_code, title, detail, dict(error.headers or {}), **facts)


def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"field": str(one["loc"][-1]), "detail": str(one["msg"])} for one in error.errors()[:20]
    ]
    detail = "; ".join(f"{one['field']}: {one['detail']}" for one in found)
    return answer(request, 422, "Part of this request can't be read", detail, errors=found)


def _waiting(request: Request, error: Exception) -> Response:
    log.error("can't reach database or store", path=_logged(request), error=str(error))
    return answer(
        request,
        503,
        "Reelyard can't reach its files just now",
        "The database or the file store does not answer. Nothing is lost; try again in a moment.",
        RETRY,
    )


def _broken(request: Request, error: Exception) -> Response:
    log.error(
        "a page failed", path=_logged(request), error=type(error).__name__
    )  # the server logs its trace
    made = answer(
        request,
        500,
        "This page failed",
        "The fault is on this side and is in the log. Trying again may help; other pages work.",
    )
    made.headers.update(SECURITY)  # this handler answers outside of our middleware
    return made


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    CatalogError: _told,
    HTTPException: _http,
    RequestValidationError: _unreadable,
    StoreDown: _waiting,
    OperationalError: _waiting,
    DataError: _too_large,
    Exception: _broken,
}
