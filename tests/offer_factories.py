"""Offers: a creator who makes some, clips that they fit, and people who are shown them."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.offers import choosing, desk, hashes
from catalog.offers.choosing import Shown
from models.account import Role
from models.base import now_ms, reading, unit_of_work
from models.clip import Clip
from models.offer import Offer, OfferView
from tests import factories
from tests import member_factories as members
from tests import order_factories as shop

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STAFF = Visitor(account_id="5" * 32, roles=frozenset({Role.STAFF}))
LIVE_QA = {"question": 0.4, "cue words": 0.2}


def now() -> int:
    with reading() as session:
        return session.scalar(select(now_ms())) or 0


def noon() -> int:
    """Minutes before UTC of somebody for whom it is about noon: no quiet hour."""
    hour = now() // HOUR_MS % 24
    return ((12 - hour + 12) % 24 - 12) * 60


def clips(count: int = 1, *, series: str = "", **values: Any) -> list[str]:
    """Of one recording, in order of time; half a minute each, $9 as a personal license."""
    shop.open_shop()
    with unit_of_work() as session:
        said = {"sidecar": {"series": series}} if series else {}
        of = factories.recording(session, **said)
        made = [
            factories.clip(
                session,
                of,
                title=f"Clip {number + 1}",
                start_ms=number * 60_000,
                end_ms=number * 60_000 + 27_000,
                **values,
            )
            for number in range(count)
        ]
        for one in made:
            factories.listing(session, one)
        return [one.id for one in made]


def make(key: str, *, holdout: int = 0, **fields: Any) -> str:
    """The house's creator makes this offer of defaults.toml."""
    with unit_of_work() as session:
        creator = factories.creator(session)
        return desk.put(session, STAFF, creator.id, key, holdout=holdout, **fields).id


def person(card: str = "works") -> Visitor:
    """With a kept method; without one for an empty card."""
    with unit_of_work() as session:
        account = members.person(session)
        if card:
            members.method(session, account.id, card)
        return members.visitor_of(account)


def shown(
    visitor: Visitor, clip_id: str, moment: str = "end", *, at_ms: int = 0, offset_min: int = -1
) -> Shown | None:
    """As the page asks for it; now, and where it is noon, if nothing else is said."""
    offset = offset_min if offset_min != -1 else noon()
    with unit_of_work() as session:
        clip = session.get_one(Clip, clip_id)
        at = at_ms or (session.scalar(select(now_ms())) or 0)
        return choosing.fitting(session, visitor, moment, clip, at, offset_min=offset)


def surely(found: Shown | None) -> Shown:
    assert found is not None
    return found


def view(view_id: str) -> OfferView:
    with reading() as session:
        return session.get_one(OfferView, view_id)


def views(visitor: Visitor) -> list[OfferView]:
    with unit_of_work() as session:
        whose = hashes.whose(session, visitor)
        wanted = select(OfferView).filter_by(whose=whose).order_by(OfferView.at_ms)
        return list(session.scalars(wanted))


def offer(offer_id: str) -> Offer:
    with reading() as session:
        return session.get_one(Offer, offer_id)


def change(row: type[Any], row_id: str, **values: Any) -> None:
    with unit_of_work() as session:
        found = session.get_one(row, row_id)
        for name, value in values.items():
            setattr(found, name, value)


def kept(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
