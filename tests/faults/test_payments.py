"""F20: paid, then anything: exactly one grant, or the money goes back."""

import json
import random
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from catalog import auth, checkout
from catalog.auth import Visitor
from catalog.payments import ledger, sandbox
from catalog.payments.facts import Forged
from catalog.web import visitors
from models.order import OrderState
from models.payment import PaymentKind, SandboxState
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of
from tests.commands import environment, kill, running, until
from tests.servers import free_port
from workers.books import money_adds_up

SEED = 20_261_122
STRIDE = 9
"""Of the crashpoints: the places of one run are not those of the other."""
KILLS = 3
WORD = "a-guests-cookie"


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    with server_of(request.param) as url, database_of(request.param, url, home) as address:
        yield address


@pytest.mark.timeout(300)
def test_killed_at_each_crashpoint(either: str, home: Path) -> None:
    stride = STRIDE if either.startswith("sqlite") else STRIDE + 2
    settings = {"REELYARD_DATABASE_URL": either, "REELYARD_DATA": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.crashing", str(stride)],
        capture_output=True,
        text=True,
        env=environment(**settings),
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    print(found["points"])  # noqa: T201 (how many there were)
    assert found["wrong"] == []
    assert min(found["points"].values()) >= 3, "each part has crashpoints"


@pytest.mark.timeout(240)
def test_a_web_process_killed_while_it_hears_of_a_payment(database: Path, tmp_path: Path) -> None:
    """kill -9 at a random moment after "Pay" was pressed."""
    chance = random.Random(SEED)
    guest = Visitor(guest=auth.sha256(WORD))
    begun = [shop.at_processor(guest, kind="exclusive") for _ in range(KILLS)]
    paid = 0
    for order_id, payment in begun:
        port = free_port()
        settings = {"REELYARD_DATA": str(database)}
        with running("serve", "--port", str(port), log=tmp_path / "log", **settings) as web:
            until(lambda at=port: answers(at), 60, "the catalogue answers")
            press = threading.Thread(target=press_pay, args=(port, payment))
            press.start()
            press.join(chance.uniform(0.0, 0.1))
            kill(web)
            press.join()
        shop.grow_old(order_id, 12)
        checkout.reconcile(order_id)
        was_paid = shop.at_sandbox(payment).state == SandboxState.PAID
        paid += was_paid
        right = (OrderState.PAID, 1) if was_paid else (OrderState.CANCELLED, 0)
        assert (shop.order(order_id).state, len(shop.licenses_of(order_id))) == right, SEED
    print(f"seed {SEED}: {paid} of {KILLS} had paid")  # noqa: T201 (to repeat it)
    assert list(money_adds_up()) == []


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def press_pay(port: int, payment: str) -> None:
    form = {"answer": "pay", "form_token": visitors._token(WORD)}
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/sandbox/pay/{payment}",
        data=urlencode(form).encode(),
        headers={"Cookie": f"{visitors.GUEST}={WORD}"},
    )
    try:
        urllib.request.urlopen(asked, timeout=10).close()
    except OSError:
        return


@pytest.mark.parametrize("turn", range(2))
def test_webhooks_lost_late_tenfold_forged_and_out_of_order(either: str, turn: int) -> None:
    """Many buyers of the same exclusives at once; each ends with a license or with their money."""
    chance = random.Random(SEED + turn)
    listings = [shop.listed() for _ in range(3)]
    begun = []
    for number in range(9):
        guest = Visitor(guest=str(number) * 64)
        shop.let_holds_end()  # somebody else was first, and took too long
        begun.append(shop.at_processor(guest, kind="exclusive", listing_id=listings[number % 3]))
        sandbox.answered(begun[-1][1], "pay")
    heard = [fact for _, payment in begun for fact in sandbox.ask(payment)]
    lost = chance.sample(heard, 3)
    told = [fact for fact in heard if fact not in lost for _ in range(chance.choice((1, 10)))]
    foreign = [replace(heard[0], event_id="foreign", house="theirs")]
    early = [
        replace(fact, event_id=f"x{fact.event_id}", kind=PaymentKind.EXPIRED) for fact in lost[:1]
    ]
    everything = told + foreign + early
    chance.shuffle(everything)
    ledger.hear_all(everything)
    with pytest.raises(Forged):
        ledger.receive("sandbox", b"{}", {sandbox.HEADER: "t=1,v1=0"})
    for order_id, _ in begun:
        shop.grow_old(order_id, 12)
        checkout.reconcile(order_id)
    shop.hear_lost(lost)
    shop.pay_back()
    states = [shop.order(order_id).state for order_id, _ in begun]
    assert states.count(OrderState.PAID) == len(shop.licenses()) == 3, "one for each clip"
    assert states.count(OrderState.CANCELLED) == 6
    assert shop.net() == 3 * 12_000
    assert sum(len(shop.refunds(order_id)) for order_id, _ in begun) == 6
    assert list(money_adds_up()) == []
