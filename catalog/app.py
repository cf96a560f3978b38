"""The web application: pages, their JSON twins, media, behind one set of headers."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from catalog import answers
from catalog.api import (
    accounts,
    charges,
    described,
    desk,
    early,
    earnings,
    figures,
    lightboxes,
    members,
    offers,
    orders,
    partners,
    perks,
    pools,
    privacy,
    quotes,
    routes,
    segments,
    settling,
    verify,
)
from catalog.api.etags import Tagged
from catalog.api.idempotency import Idempotent
from catalog.headers import PackText, SecurityHeaders
from catalog.hosts import TrustedHosts, names_of
from catalog.limits import Limits
from catalog.web import docs, pages
from catalog.web.kept import Pages
from catalog.web.media import Files
from catalog.web.visitors import Cookies
from models.base import reading
from models.settings import settings


def create_app() -> FastAPI:
    app = FastAPI(
        title="Reelyard",
        version=_version(),
        description=described.ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.include_router(routes.router)
    app.include_router(desk.router)
    app.include_router(early.router)
    app.include_router(offers.router)
    app.include_router(figures.router)
    app.include_router(lightboxes.router)
    app.include_router(members.router)
    app.include_router(charges.router)
    app.include_router(segments.router)
    app.include_router(settling.router)
    app.include_router(accounts.router)
    app.include_router(privacy.router)
    app.include_router(orders.router)
    app.include_router(earnings.router)
    app.include_router(quotes.router)
    app.include_router(pools.router)
    app.include_router(partners.router)
    app.include_router(perks.router)
    app.include_router(verify.router)
    app.include_router(pages.router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/docs", docs.show, include_in_schema=False)
    app.openapi = lambda: described.document(app)  # type: ignore[method-assign]  # FastAPI's way
    answers.install(app)
    app.add_middleware(Idempotent)  # the first is the innermost
    app.add_middleware(Tagged)
    app.add_middleware(PackText)
    app.add_middleware(Cookies)
    app.add_middleware(Pages)
    app.add_middleware(Files)
    app.add_middleware(Limits)
    app.add_middleware(TrustedHosts, names=names_of(settings()))
    app.add_middleware(SecurityHeaders)
    return app


def healthz(request: Request) -> Response:
    """Well when the database answers; a failure is a 503 by the common handler."""
    with reading() as session:
        session.execute(select(1))
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _version() -> str:
    try:
        return version("reelyard")
    except PackageNotFoundError:
        return "0"
