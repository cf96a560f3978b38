"""What a guest said of offers, and was shown, is their account's once they sign in."""

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.offers import hashes
from models.offer import OfferChoice, OfferView


def adopt(session: Session, account_id: str, guest: str) -> None:
    """A "not this again" and "none at all" hold on, so do caps and the rest after a no. Their
    visit stays one without an account: it only counts."""
    before = hashes.known(session, Visitor(guest=guest)) if guest else ""
    if not before:
        return
    whose = hashes.whose(session, Visitor(account_id=account_id))
    theirs = select(OfferChoice.offer_id, OfferChoice.at_ms).where(OfferChoice.whose == before)
    rows = [{"whose": whose, "offer_id": name, "at_ms": at} for name, at in session.execute(theirs)]
    if rows:
        insert = (
            postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        )
        session.execute(insert(OfferChoice).values(rows).on_conflict_do_nothing())
        session.execute(delete(OfferChoice).where(OfferChoice.whose == before))
    session.execute(
        update(OfferView)
        .where(OfferView.whose == before)
        .values(whose=whose, account_id=account_id)
        .execution_options(synchronize_session="fetch")
    )
