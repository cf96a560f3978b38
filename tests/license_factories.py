"""Licenses as rows with sensible values, certificate and all."""

import time
from typing import Any

from sqlalchemy.orm import Session

from catalog import certificates
from models.license import License
from models.listing import Listing
from models.reservation import FOREVER_MS
from models.terms import Terms
from tests import factories

YEAR_MS = 365 * factories.DAY_MS


def now_ms() -> int:
    return int(time.time() * 1000)


def terms(session: Session, kind: str = "social", version: int = 900, **values: Any) -> Terms:
    """`version` is one that the house's own terms do not have."""
    found = session.query(Terms).filter_by(kind=kind, version=version).one_or_none()
    if found is not None:
        return found
    fields = {"media": ["web", "social"], "commercial": True, "attribution": True}
    given = {
        "kind": kind,
        "version": version,
        "title": "Social media",
        "summary": ["You may show it on your own channels."],
        "text": "The legal text of these terms.",
        "fields": fields | values.pop("fields", {}),
        "rank": 30,
        "line": "For your own channels",
    }
    made = Terms(**{**given, **values})
    session.add(made)
    session.flush()
    return made


def license(  # noqa: A001 (the noun)
    session: Session, of: Listing | None = None, *, use: dict[str, Any] | None = None, **values: Any
) -> License:
    """Granted as it is in the shop, with its certificate."""
    starts_ms = values.get("starts_ms", now_ms() - 60_000)
    given = {
        "listing_id": (of or factories.listing(session)).id,
        "terms_id": values.pop("terms_id", None) or terms(session).id,
        "licensee": "Ada Films",
        "email": "ada@films.example",
        "use": {
            "media": ["web", "social"],
            "territory": ["WORLD"],
            "without": [],
            "starts_ms": starts_ms,
            "term_days": 365,
            "audience": None,
            "seats": 1,
            "projects": 1,
        }
        | (use or {}),
        "price_cents": 12_300,
        "currency": "USD",
        "starts_ms": starts_ms,
        "ends_ms": starts_ms + YEAR_MS,
    }
    made = License(**{**given, **values})
    session.add(made)
    certificates.issue(session, made)
    session.flush()
    return made


ENDLESS: dict[str, Any] = {"ends_ms": FOREVER_MS, "use": {"term_days": None}}
