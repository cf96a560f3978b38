"""What one person gets, as the preference page shows and changes it: each purpose by itself.

Asked for with the address itself; who may do that is for the doors to know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.letters import stops, subscribers
from catalog.letters.purposes import PURPOSES, RHYTHMS, Purpose, offered
from catalog.letters.subscribers import Wish
from models.account import Account
from models.consent import Subscriber, SubscriberState
from models.creator import Creator
from models.membership import Membership, MembershipState

GONE = (MembershipState.ENDED, MembershipState.PENDING)


@dataclass(frozen=True)
class Choice:
    name: str
    """Of its field in the form."""
    key: str
    purpose: Purpose
    on: bool
    asked: bool
    """The confirming link was sent and not used."""
    rhythm: str
    """Empty where there is none to choose."""


@dataclass(frozen=True)
class Group:
    title: str
    creator_id: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Preferences:
    groups: Sequence[Group]
    stopped: str
    """Why nothing is sent though it is wished for: bounced, complained; else empty."""
    some: bool


def of(session: Session, email: str, *, own: bool = False) -> Preferences:
    """`own`: to its account, which sees whose member it is as well; not by a link, which may have
    been passed on.
    """
    rows = {(one.creator_id, one.purpose): one for one in subscribers.of_email(session, email)}
    joined = _joined(session, email) if own else set()
    creators = _creators(session, {creator_id for creator_id, _ in rows if creator_id} | joined)
    groups = [_group(one, one.id in joined, rows) for one in creators]
    some = any(one.on or one.asked for group in groups for one in group.choices)
    return Preferences(groups, stops.reason(session, email), some)


def save(
    session: Session,
    email: str,
    on: Collection[str],
    rhythms: Mapping[str, str],
    *,
    own: bool = False,
) -> bool:
    """`on`: names of the choices that are ticked; the others that the page shows end. By a link,
    what is newly ticked is asked for by mail: a link is good for ever, and may have been passed on.
    Whether that is so.
    """
    anew: list[Wish] = []
    for group in of(session, email, own=own).groups:
        for one in group.choices:
            wish, on_now = (one.key, group.creator_id), one.name in on
            if own or one.on or not on_now:
                subscribers.choose(session, email, wish, on_now, rhythms.get(one.name, ""))
            else:
                anew.append(wish)
    return bool(anew) and ask(session, email, anew, rhythms)


def ask(
    session: Session, email: str, wishes: Sequence[Wish], rhythms: Mapping[str, str] | None = None
) -> bool:
    """By mail. False for an address from which somebody complained: that can't be asked for."""
    for one in subscribers.ask_all(session, email, wishes, "preferences"):
        rhythm = (rhythms or {}).get(_name(one.purpose, one.creator_id), "")
        one.rhythm = rhythm if rhythm in RHYTHMS else one.rhythm
    return stops.reason(session, email) != stops.COMPLAINED


def again(session: Session, email: str, *, own: bool = False) -> bool:
    """After a stop. By a link, only what came back is asked for anew; who complained says so signed
    in. Whether a mail asks.
    """
    if own:
        stops.lift(session, email)
        return False
    rows = subscribers.of_email(session, email)
    wishes = [(one.purpose, one.creator_id) for one in rows if one.state != SubscriberState.ENDED]
    return bool(wishes) and ask(session, email, wishes)


def masked(email: str) -> str:
    """Enough to know it again: whoever was sent a letter on sees no more than that."""
    name, _, domain = email.partition("@")
    return f"{name[:2] if len(name) > 3 else name[:1]}…@{domain}"


def _group(creator: Creator, joined: bool, rows: Mapping[tuple[str, str], Subscriber]) -> Group:
    keys = [
        key
        for key, one in PURPOSES.items()
        if key in offered() or (one.joined and (joined or (creator.id, key) in rows))
    ]
    choices = [_choice(key, creator.id, rows.get((creator.id, key))) for key in keys]
    return Group(creator.name, creator.id, choices)


def _choice(key: str, creator_id: str, row: Subscriber | None) -> Choice:
    state = row.state if row else SubscriberState.ENDED
    return Choice(
        name=_name(key, creator_id),
        key=key,
        purpose=PURPOSES[key],
        on=state == SubscriberState.CONFIRMED,
        asked=state == SubscriberState.ASKED,
        rhythm=(row.rhythm if row else next(iter(RHYTHMS))) if key == "digest" else "",
    )


def _name(key: str, creator_id: str) -> str:
    return f"{key}.{creator_id}"


def _joined(session: Session, email: str) -> set[str]:
    wanted = (
        select(Membership.creator_id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Account.email == email,
            Account.verified_ms.is_not(None),
            Membership.state.not_in(GONE),
        )
    )
    return set(session.scalars(wanted))


def _creators(session: Session, ids: set[str]) -> Sequence[Creator]:
    wanted = select(Creator).where(Creator.id.in_(ids))
    return session.scalars(wanted.order_by(Creator.name, Creator.id)).all()
