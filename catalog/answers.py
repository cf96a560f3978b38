"""Errors as answers: problem+json for programs, a page that says what to do for people."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from catalog.errors import CatalogError, NotFound, RangeRefused
from catalog.headers import SECURITY
from catalog.web.rendering import page
from models.storage import StoreDown

log = structlog.get_logger()

TITLES = {
    404: NotFound.title,
    405: "This address does not take that kind of request",
}
DETAILS = {
    404: "The address may be mistyped, or what was here is no longer on sale.",
    405: "Pages and data can be read here; nothing is changed this way.",
}
RETRY = {"Retry-After": "10"}


def install(app: FastAPI) -> None:
    app.add_exception_handler(CatalogError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(StoreDown, _waiting)
    app.add_exception_handler(OperationalError, _waiting)
    app.add_exception_handler(Exception, _broken)


def answer(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    if request.url.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = {**problem, "instance": request.url.path, **more}
        return JSONResponse(body, status, headers, media_type="application/problem+json")
    if request.headers.get("hx-request"):  # a page is open: it shows one line
        return page(request, "_refused.html", status=status, title=title, detail=detail)
    made = page(request, "error.html", status=status, code=status, title=title, detail=detail)
    made.headers.update(headers or {})
    return made


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, CatalogError)
    size = {"Content-Range": f"bytes */{error.size}"} if isinstance(error, RangeRefused) else {}
    return answer(request, error.status, error.title, str(error), size)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = TITLES.get(error.status_code, CatalogError.title)
    detail = DETAILS.get(error.status_code, str(error.detail))
    return answer(request, error.status_code, title, detail, dict(error.headers or {}))


def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"field": str(one["loc"][-1]), "detail": str(one["msg"])} for one in error.errors()[:20]
    ]
    detail = "; ".join(f"{one['field']}: {one['detail']}" for one in found)
    return answer(request, 422, "Part of this request can't be read", detail, errors=found)


def _waiting(request: Request, error: Exception) -> Response:
    log.error("can't reach database or store", path=request.url.path, error=str(error))
    return answer(
        request,
        503,
        "Reelyard can't reach its files just now",
        "The database or the file store does not answer. Nothing is lost; try again in a moment.",
        RETRY,
    )


def _broken(request: Request, error: Exception) -> Response:
    log.error(
        "a page failed", path=request.url.path, error=type(error).__name__
    )  # the server logs its trace
    made = answer(
        request,
        500,
        "This page failed",
        "The fault is on this side and is in the log. Trying again may help; other pages work.",
    )
    made.headers.update(SECURITY)  # this handler answers outside of our middleware
    return made
