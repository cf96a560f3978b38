"""What processors are asked and what they tell, as plain values."""

from collections.abc import Mapping, Sequence
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
    keep: bool = False
    """The method is kept for later charges. Without lines it is kept and nothing is paid."""
    customer: str = ""
    """The processor's name of who pays, where it is known from before."""

    @property
    def amount_cents(self) -> int:
        return sum(cents for _, cents in self.lines)


@dataclass(frozen=True)
class Kept:
    """A method that the processor keeps, by its own names."""

    customer_ref: str
    method_ref: str
    label: str
    """What its owner knows it by: "Visa ending 4242"."""


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
    """The order or the charge."""
    amount_cents: int
    currency: str
    happened_ms: int
    house: str
    refund_id: str = ""
    """Of ours, where we asked for it."""
    key: str = ""
    """Of the bill or charge that this is about, where the processor knows it: tries of one charge
    are told apart by it."""
    kept: Kept | None = None
    """Of PAID and KEPT: the method that may be charged from now on."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """For the log: nothing of the buyer's."""


class Processor(Protocol):
    """What each of the modules here does. None is called while a transaction of ours is open."""

    def begin(self, bill: Bill) -> Begun:
        """Repeatable. Raises ProcessorDown or ProcessorRefused, as the others do. Paid, a bill with
        `keep` is told of as PAID with what was kept, one without lines as KEPT."""

    def charge(
        self,
        key: str,
        ref: str,
        customer_ref: str,
        method_ref: str,
        lines: Sequence[tuple[str, int]],
        currency: str,
        house: str,
    ) -> list[PaymentFact]:
        """Take it from a kept method, without its owner. `ref`: the order or charge.

        Repeatable for good: one key is one payment, and asked again it tells what became of it.
        Answers PAID, or FAILED where it was declined; nothing where that is not known yet. Raises
        ProcessorRefused where the method is not there any more.
        """

    def kept(self, customer_ref: str) -> Kept | None:
        """What is charged for this customer now; it may have been changed at the processor."""

    def portal(self, customer_ref: str, back_url: str) -> str:
        """The address where its owner changes or removes the kept method."""

    def forget(self, customer_ref: str, method_ref: str) -> None:
        """The method is not kept any more. Repeatable."""

    def forget_customer(self, customer_ref: str) -> None:
        """Nothing is kept of them any more: no method, no address. Payments stay. Repeatable."""

    def least_cents(self, currency: str) -> int:
        """What is less than that can't be taken."""

    def facts_of(self, body: bytes, headers: Mapping[str, str]) -> list[PaymentFact]:
        """Of one webhook. Raises Forged."""

    def ask(self, payment_ref: str) -> list[PaymentFact]:
        """What it knows of a payment, for webhooks that were lost."""

    def close(self, payment_ref: str) -> list[PaymentFact]:
        """It can't be paid from now on; what became of it, where it was paid before."""

    def refund(self, key: str, order_id: str, movement_ref: str, cents: int) -> list[PaymentFact]:
        """Repeatable: one key is one refund."""

    def refunded(self, key: str, movement_ref: str) -> list[PaymentFact]:
        """What became of the refund that was made with this key, for webhooks that were lost.
        Nothing where it takes its time, or was never made."""


def house(session: Session) -> str:
    """What tells our orders from those of another house at the same processor's account."""
    if "house" not in session.info:  # it never changes
        session.info["house"] = auth.secret(session, "house")[:16]
    return str(session.info["house"])
