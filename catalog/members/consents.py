"""What a person agreed to: each purpose asked for by itself, never ticked in advance, given by a
click of theirs and taken back by another.

A row says who, to which sentence, where and when. Taking it back ends the row; agreeing again is a
new one. What a consent let us keep goes with it, in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from catalog.errors import BadRequest, NotFound
from models import event
from models.account import Account
from models.base import now_ms
from models.consent import Consent
from models.offer import OfferAnswer, OfferView, Watched

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Purpose:
    title: str
    wording: str
    """The sentence beside the box: what one agrees to, kept word for word with the answer."""
    kept: str
    why: str
    how_long: str


PURPOSES = {
    "history": Purpose(
        title="Series you watch",
        wording="Remember which series I watch.",
        kept="The name of the series, how many of its clips you opened, and when you last did. "
        "Not which clips.",
        why="So that an offer can be the next part of what you watch, and so that a creator can "
        "see how many members watch a series, told in tens and for 20 or more.",
        how_long="13 months after you last watched the series. At once when you take this back.",
    ),
    "export": Purpose(
        title="Your address to your creators",
        wording="Let creators that I am a member of have my e-mail address and name in a file.",
        kept="That you agreed. A creator who takes the file then keeps your address and name "
        "themselves, and answers for it.",
        why="So that a creator can send what this house does not: a parcel, an invitation.",
        how_long="No file holds you from the moment you take this back. Ask the creator to delete "
        "what they have: who took a file and when is on record here.",
    ),
}
WORDING_MOST = 1000


def give(session: Session, account_id: str, purpose: str, source: str) -> Consent:
    """`source`: the page. Agreed already, nothing is new. Raises BadRequest, NotFound."""
    asked = _purpose(purpose)
    _locked(session, account_id)
    found = _alive(session, account_id, purpose)
    if found is not None:
        return found
    made = Consent(
        account_id=account_id,
        purpose=purpose,
        wording=f"{asked.wording} {asked.kept} {asked.how_long}"[:WORDING_MOST],
        source=source[:60],
    )
    session.add(made)
    session.flush()
    event.record(session, "consent.given", account_id, purpose=purpose, source=source[:60])
    return made


def withdraw(session: Session, account_id: str, purpose: str, source: str = "account") -> bool:
    """Whether there was one. What it let us keep is gone with it; again is fine."""
    _purpose(purpose)
    _locked(session, account_id)
    ended = session.execute(
        update(Consent)
        .where(
            Consent.account_id == account_id,
            Consent.purpose == purpose,
            Consent.withdrawn_ms.is_(None),
        )
        .values(withdrawn_ms=now_ms())
        .returning(Consent.id)
    ).all()
    if purpose == "history":
        session.execute(delete(Watched).where(Watched.account_id == account_id))
        _empty_reasons(session, account_id)
    if ended:
        event.record(session, "consent.withdrawn", account_id, purpose=purpose, source=source[:60])
    return bool(ended)


def _empty_reasons(session: Session, account_id: str) -> None:
    """They may name a series; one that is open is not shown any more."""
    theirs = update(OfferView).where(OfferView.account_id == account_id)
    is_open = (OfferView.answer == OfferAnswer.NONE) & (OfferView.at_ms > now_ms() - HOUR_MS)
    for which in (
        theirs.where(is_open).values(answer=OfferAnswer.REPLACED),
        theirs.values(reason="", data_used=[]),
    ):
        session.execute(which, execution_options={"synchronize_session": False})


def has(session: Session, account_id: str, purpose: str) -> bool:
    return _alive(session, account_id, purpose) is not None


def of_account(session: Session, account_id: str) -> Sequence[Consent]:
    """All answers, also those taken back, newest first."""
    wanted = select(Consent).where(Consent.account_id == account_id)
    return session.scalars(wanted.order_by(Consent.given_ms.desc(), Consent.id)).all()


def given(session: Session, account_id: str) -> dict[str, Consent]:
    """By purpose, those that hold."""
    rows = of_account(session, account_id)
    return {row.purpose: row for row in rows if row.withdrawn_ms is None}


def givers(purpose: str) -> Select[str]:
    """The accounts' ids, as a part of a query."""
    _purpose(purpose)
    alive = (Consent.purpose == purpose) & Consent.withdrawn_ms.is_(None)
    return select(Consent.account_id).where(alive)


def _alive(session: Session, account_id: str, purpose: str) -> Consent | None:
    return session.scalars(
        select(Consent).where(
            Consent.account_id == account_id,
            Consent.purpose == purpose,
            Consent.withdrawn_ms.is_(None),
        )
    ).one_or_none()


def _locked(session: Session, account_id: str) -> None:
    """Two windows give one answer. Raises NotFound for an account that is gone."""
    found = session.get(Account, account_id, with_for_update={"key_share": True})
    if found is None or found.closed_ms is not None:
        raise NotFound("There is no such account.")


def _purpose(name: str) -> Purpose:
    if name not in PURPOSES:
        raise BadRequest("There is no such thing to agree to.")
    return PURPOSES[name]
