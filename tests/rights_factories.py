"""Rows of rights for tests: published terms and prices, quotes, order lines in an order."""

import secrets
from typing import Any

from sqlalchemy.orm import Session

from catalog import pricing, terms
from catalog.auth import Visitor
from catalog.uses import completed
from models.listing import Listing, Release
from models.order import Order, OrderLine
from models.quote import Quote
from models.terms import Terms
from tests import factories


def publish(session: Session) -> None:
    """What every start of the program does."""
    if not (terms.is_published(session) and pricing.is_published(session)):
        terms.publish(session)
        pricing.publish(session)


def terms_of(session: Session, kind: str) -> Terms:
    publish(session)
    return terms.of_kind(session, kind)


def listing(session: Session, *, cleared: bool = True, **values: Any) -> Listing:
    """On sale, with the releases that commercial licenses need; values go to the recording."""
    said = {"releases": ["all"]} if cleared else {}
    sidecar = {**said, **values.pop("sidecar", {})}
    recording = factories.recording(session, sidecar=sidecar, **values)
    made = factories.listing(session, factories.clip(session, recording))
    made.release = Release.CLEARED if cleared else Release.UNKNOWN
    session.flush()
    return made


def guest() -> Visitor:
    return Visitor(guest=secrets.token_hex(32))


def quote(
    session: Session,
    of: Listing | None = None,
    kind: str = "standard",
    visitor: Visitor | None = None,
    **use: Any,
) -> Quote:
    from catalog import quotes

    publish(session)
    of = of or listing(session)
    return quotes.open_quote(session, visitor or guest(), of.id, kind, use)


def line(session: Session, of: Listing, kind: str = "exclusive", **use: Any) -> OrderLine:
    """Of an order of its own, as it stands when its checkout begins. No conflict is looked for."""
    return lines(session, of, 1, kind, **use)[0]


def lines(
    session: Session, of: Listing, count: int, kind: str = "exclusive", **use: Any
) -> list[OrderLine]:
    """Of as many buyers, who want the same."""
    row = terms_of(session, kind)
    wanted = completed(terms.fields(row), use, 0)
    priced = pricing.price(session, of, row, wanted)
    quoted = Quote(
        listing_id=of.id,
        terms_id=row.id,
        rule_id=priced.rule_id,
        guest=secrets.token_hex(32),
        use=wanted.model_dump(),
        price_cents=priced.price_cents,
        currency=priced.currency,
        breakdown=priced.as_row(),
        expires_ms=2**52,
    )
    session.add(quoted)
    session.flush()
    found = [
        OrderLine(
            number=1,
            quote_id=quoted.id,
            listing_id=of.id,
            terms_id=row.id,
            use=quoted.use,
            price_cents=quoted.price_cents,
            order=Order(guest=quoted.guest, currency=priced.currency),
        )
        for _ in range(count)
    ]
    session.add_all(found)
    session.flush()
    return found
