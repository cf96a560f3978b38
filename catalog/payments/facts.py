"""What processors are asked and what they tell, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.orm import Session

from catalog import auth
from catalog.errors import CatalogError
from models.payment import PaymentKind

MONEY_IN = (PaymentKind.PAID, PaymentKind.RESTORED)
MONEY_OUT = (PaymentKind.REFUNDED, PaymentKind.DISPUTED)


class Forged(CatalogError):
    """The signature is absent, wrong or too old: nothing is kept of it."""

    status = 400
    title = "This message is not from the payment processor"


class ProcessorDown(CatalogError):
    """It may be tried again: what was asked has a key, so it is done once."""

    status = 503
    title = "The payment processor does not answer"


class ProcessorRefused(CatalogError):
    """For good."""

    status = 409
    title = "The payment processor refused"


@dataclass(frozen=True)
class Bill:
    """What a processor is asked to collect. The same key is the same payment."""

    key: str
    order_id: str
    house: str
    lines: tuple[tuple[str, int], ...]
    """What, and its cents."""
    currency: str
    email: str
    back_url: str
    cancel_url: str
    held_ms: int
    """When it was begun, by our clock: it must not change when the same is asked again."""

    @property
    def amount_cents(self) -> int:
        return sum(cents for _, cents in self.lines)


@dataclass(frozen=True)
class Begun:
    ref: str
    url: str
    """Where the buyer pays."""


@dataclass(frozen=True)
class PaymentFact:
    """One thing that a processor told. `amount_cents` is what moved, never negative."""

    processor: str
    event_id: str
    kind: PaymentKind
    payment_ref: str
    """The payment, by the name under which it was begun; of refunds and disputes, by the name of
    the movement that paid."""
    movement_ref: str
    """The one movement of money that this is about; events that tell of the same share it."""
    order_id: str
    amount_cents: int
    currency: str
    happened_ms: int
    house: str
    refund_id: str = ""
    """Of ours, where we asked for it."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """For the log: nothing of the buyer's."""


class Processor(Protocol):
    """What each of the modules here does. None is called while a transaction of ours is open."""

    def begin(self, bill: Bill) -> Begun:
        """Repeatable. Raises ProcessorDown or ProcessorRefused, as the others do."""

    def facts_of(self, body: bytes, headers: Mapping[str, str]) -> list[PaymentFact]:
        """Of one webhook. Raises Forged."""

    def ask(self, payment_ref: str) -> list[PaymentFact]:
        """What it knows of a payment, for webhooks that were lost."""

    def close(self, payment_ref: str) -> list[PaymentFact]:
        """It can't be paid from now on; what became of it, where it was paid before."""

    def refund(self, key: str, order_id: str, movement_ref: str, cents: int) -> list[PaymentFact]:
        """Repeatable: one key is one refund."""


def house(session: Session) -> str:
    """What tells our orders from those of another house at the same processor's account."""
    return auth.secret(session, "house")[:16]
