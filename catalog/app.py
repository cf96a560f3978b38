"""The web application: pages, their JSON twins, media, behind one set of headers."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from catalog import answers
from catalog.api import routes
from catalog.api.shapes import Problem
from catalog.headers import PackText, SecurityHeaders
from catalog.hosts import TrustedHosts, names_of
from catalog.web import docs, pages
from models.base import reading
from models.settings import settings

ABOUT = (
    "Everything that the pages show, as JSON. Nothing here needs a key: what is public may be "
    "read, what is withdrawn or embargoed answers 404. Errors are problem+json (RFC 9457)."
)


def create_app() -> FastAPI:
    app = FastAPI(
        title="Reelyard",
        version=_version(),
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.include_router(routes.router)
    app.include_router(pages.router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/docs", docs.show, include_in_schema=False)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way
    answers.install(app)
    app.add_middleware(PackText)
    app.add_middleware(TrustedHosts, names=names_of(settings()))
    app.add_middleware(SecurityHeaders)
    return app


def healthz(request: Request) -> Response:
    """Well when the database answers; a failure is a 503 by the common handler."""
    with reading() as session:
        session.execute(select(1))
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _described(app: FastAPI) -> dict[str, object]:
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        made["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        for paths in made["paths"].values():
            for operation in paths.values():
                invalid = operation["responses"].get("422")
                if invalid:  # answered as a problem, like the rest
                    invalid["description"] = "A field can't be read"
                    invalid["content"] = operation["responses"]["400"]["content"]
        for unused in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(unused, None)
    assert app.openapi_schema is not None
    return app.openapi_schema


def _version() -> str:
    try:
        return version("reelyard")
    except PackageNotFoundError:
        return "0"
