"""A process that ends by SIGKILL at each of its ways to the database, again and again.

`python -m tests.crashing STRIDE` works on the database of the settings. For every part of a payment
it forks, lets the child end at the first crashpoint, then at the next, and so on; after each it
does what follows in life (the webhook comes again, the buyer clicks again) and notes what is wrong.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import event

from catalog import checkout
from catalog.payments import sandbox
from models import base
from models.license import LicenseState
from models.order import OrderState
from models.payment import RefundState, SandboxState
from tests import order_factories as shop
from workers.books import money_adds_up


def dies(at: int, run: Callable[[], Any]) -> bool:
    """In a child that is killed at the crashpoint with that number; False where it came through."""
    base.engine().dispose()
    child = os.fork()
    if child == 0:
        left = [at]

        def step(*_: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(base.engine(), "before_cursor_execute", step)
        event.listen(base.engine(), "commit", step)
        run()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def pay(payment: str) -> None:
    """As the payment page's form does."""
    number = sandbox.answered(payment, "pay")[1]
    if number:
        shop.tell(payment, number)


def paying(at: int) -> tuple[bool, str]:
    order_id, payment = shop.at_processor(kind="exclusive")
    died = dies(at, lambda: pay(payment))
    was_paid = shop.at_sandbox(payment).state == SandboxState.PAID
    shop.grow_old(order_id, 12)
    checkout.reconcile(order_id)
    checkout.reconcile(order_id)
    state, granted = shop.order(order_id).state, len(shop.licenses_of(order_id))
    right = (OrderState.PAID, 1) if was_paid else (OrderState.CANCELLED, 0)
    return died, "" if (state, granted) == right else f"paid {was_paid}: {state}, {granted}"


def hearing(at: int) -> tuple[bool, str]:
    """The processor tells until it is answered."""
    order_id, payment = shop.at_processor()
    number = sandbox.answered(payment, "pay")[1]
    died = dies(at, lambda: shop.tell(payment, number))
    for _ in range(3):
        shop.tell(payment, number)
    state, granted = shop.order(order_id).state, len(shop.licenses_of(order_id))
    papers = shop.papers(order_id)
    good = (state, granted, papers) == (OrderState.PAID, 1, ["invoice"])
    return died, "" if good else f"{state}, {granted}, {papers}"


def beginning(at: int) -> tuple[bool, str]:
    """The buyer clicks again."""
    order_id = shop.in_cart()
    wanted = {"agreed": True, "cents": 12_000, "currency": "USD"}

    def begin() -> checkout.Way:
        return checkout.begin(shop.GUEST, order_id, shop.BUYER, **wanted)

    died = dies(at, begin)
    urls = {begin().url, begin().url}
    pay(shop.order(order_id).payment_ref)
    good = len(urls) == 1 and shop.order(order_id).state == OrderState.PAID
    return died, "" if good else f"{urls}, {shop.order(order_id).state}"


def refunding(at: int) -> tuple[bool, str]:
    """The step runs again."""
    order_id, payment = shop.paid()
    shop.ask_refund(order_id)
    died = dies(at, shop.pay_back)
    shop.pay_back()
    back = shop.at_sandbox(payment).refunded_cents
    told = [one.state for one in shop.refunds(order_id)], shop.papers(order_id)
    states = {one.state for one in shop.licenses_of(order_id)}
    right = ([RefundState.DONE], ["invoice", "credit"]), {LicenseState.REVOKED}, 12_000
    return died, "" if (told, states, back) == right else f"{told}, {states}, {back}"


def each_point(parts: Sequence[Callable[[int], tuple[bool, str]]], stride: int) -> None:
    """Prints how many points each part died at, and what was wrong after any; a test reads it."""
    found: dict[str, Any] = {"points": {}, "wrong": []}
    for part in parts:
        at, points = 0, 0
        while True:
            died, wrong = part(at)
            if wrong:
                found["wrong"].append(f"{part.__name__} at {at}: {wrong}")
            if not died:
                break
            at, points = at + stride, points + 1
        found["points"][part.__name__] = points
    found["wrong"] += list(money_adds_up())
    print(json.dumps(found))  # noqa: T201 (read by the test)


if __name__ == "__main__":
    shop.open_shop()
    each_point((paying, hearing, beginning, refunding), int(sys.argv[1]))
