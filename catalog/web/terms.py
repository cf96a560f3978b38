"""License terms to read: all of them, one of them, an old version of one."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from catalog import terms as terms_of
from catalog import territories
from catalog.uses import MEDIA, Fields
from catalog.web import deals
from catalog.web.rendering import page
from models.base import reading
from models.terms import Terms

READ = ["GET", "HEAD"]
router = APIRouter(include_in_schema=False)


@router.api_route("/terms", methods=READ)
def listed(request: Request) -> Response:
    with reading() as session:
        rows = [(row, terms_of.fields(row)) for row in terms_of.current(session)]
        return page(
            request,
            "terms.html",
            rows=rows,
            media_names=MEDIA,
            lasting_days=deals.lasting_days,
        )


@router.api_route("/terms/{kind}", methods=READ)
def newest(request: Request, kind: str) -> Response:
    with reading() as session:
        return _shown(request, session, terms_of.of_kind(session, kind))


@router.api_route("/terms/{kind}/{version}", methods=READ)
def version(
    request: Request, kind: str, version: Annotated[int, Path(ge=1, le=1_000_000)]
) -> Response:
    with reading() as session:
        return _shown(request, session, terms_of.of_kind(session, kind, version))


def _shown(request: Request, session: Session, row: Terms) -> Response:
    return page(
        request,
        "terms_kind.html",
        row=row,
        rows=_rows(terms_of.fields(row)),
        sections=terms_of.sections(row.text),
        versions=terms_of.versions(session, row.kind),
    )


def _rows(fields: Fields) -> list[tuple[str, str]]:
    """The most that these terms allow."""
    media = "All" if len(fields.media) == len(MEDIA) else _named(fields.media)
    where = territories.told(fields.territory, fields.without)
    said = [
        ("Media", media),
        ("Territory", where[:1].upper() + where[1:]),
        ("Longest term", deals.lasting_days(fields.term_days)),
        ("Audience", f"Up to {fields.audience_cap:,} people" if fields.audience_cap else ""),
        ("Seats", f"Up to {fields.seats:,}" if fields.seats else "No limit"),
        ("Projects", f"Up to {fields.projects:,}" if fields.projects else "No limit"),
        ("Commercial use", "Yes" if fields.commercial else "No"),
        ("Credit", "Name the creator" if fields.attribution else "Not needed"),
        ("Sublicensing", "Allowed" if fields.sublicensing else "Not allowed"),
        ("Releases", "Cleared" if fields.release_needed else "Not promised"),
        ("Training of AI", "Allowed" if fields.ai_training else "Not allowed"),
    ]
    return [(name, value) for name, value in said if value]


def _named(media: list[str]) -> str:
    return ", ".join(MEDIA[name] for name in media)
