"""F19: a hundred buyers want one exclusive at the same moment. One gets it, 99 are told why not."""

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select, text

from catalog import auth
from catalog.auth import Visitor
from models.base import unit_of_work
from models.order import Order, OrderState
from models.reservation import Reservation
from tests import rights_factories as rights
from tests.both import BOTH, database_of, server_of
from tests.commands import environment, running, until
from tests.servers import free_port

BUYERS = 100
ROUNDS = 20
PROCESSES = 2
FEW = 5
"""Rounds of the naive version: it oversells in the first already."""
SCRIPT = Path(__file__).with_name("buyers.py")


@pytest.fixture(params=BOTH)
def address(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    with server_of(request.param) as server, database_of(request.param, server, home) as url:
        yield url


def on_sale(rounds: int) -> list[list[str]]:
    """For each round a clip of its own, and an order line of each buyer for all of it."""
    with unit_of_work() as session:
        rights.publish(session)
        made = []
        for _ in range(rounds):
            work = rights.listing(session)
            made.append([line.id for line in rights.lines(session, work, BUYERS)])
        return made


@contextmanager
def processes(how: str, url: str) -> Iterator[list["subprocess.Popen[str]"]]:
    with ExitStack() as stack:
        made = []
        for _ in range(PROCESSES):
            child = subprocess.Popen(
                [sys.executable, str(SCRIPT), how],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment(REELYARD_DATABASE_URL=url),
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            made.append(child)
        yield made


def outcomes(children: list["subprocess.Popen[str]"], lines: list[str]) -> "Counter[str]":
    """One round: the same moment for all, half of them in each process."""
    at = time.time() + 0.05
    for number, child in enumerate(children):
        assert child.stdin
        child.stdin.write(json.dumps({"at": at, "lines": lines[number::PROCESSES]}) + "\n")
        child.stdin.flush()
    said: Counter[str] = Counter()
    for child in children:
        assert child.stdout
        said.update(json.loads(child.stdout.readline()))
    return said


def held() -> list[int]:
    """How many have each clip."""
    with unit_of_work() as session:
        counted = select(func.count(Reservation.id)).group_by(Reservation.clip_id)
        return list(session.scalars(counted))


def test_one_of_a_hundred_gets_it_twenty_times_over(address: str) -> None:
    rounds = on_sale(ROUNDS)
    with processes("guarded", address) as children:
        for lines in rounds:
            said = outcomes(children, lines)
            assert said == {"held": 1, "on_hold": BUYERS - 1}
    assert held() == [1] * ROUNDS


def test_looking_first_and_taking_then_sells_it_again_and_again(address: str) -> None:
    """The control: the same buyers, without what the database refuses."""
    rounds = on_sale(FEW)
    with unit_of_work() as session:
        if address.startswith("sqlite"):
            session.execute(text("DROP TRIGGER reservation_overlaps_insert"))
        else:
            session.execute(text("ALTER TABLE reservation DROP CONSTRAINT reservation_overlaps"))
    with processes("naive", address) as children:
        sold = [outcomes(children, lines)["held"] for lines in rounds]
    assert max(sold) > 1, sold
    assert sorted(held()) == sorted(sold)


@pytest.mark.timeout(300)
def test_a_hundred_guests_at_the_checkout_of_two_web_processes(
    address: str, home: Path, tmp_path: Path
) -> None:
    with unit_of_work() as session:
        rights.publish(session)
        work = rights.listing(session)
        words = [f"guest-{number:04}-{work.id}" for number in range(BUYERS)]
        quotes = {}
        for word in words:
            visitor = Visitor(guest=auth.sha256(word))
            quotes[word] = rights.quote(session, work, "exclusive", visitor).id
        cents = rights.quote(session, work, "exclusive").price_cents
    settings = {"REELYARD_DATA": str(home), "REELYARD_DATABASE_URL": address}
    with ExitStack() as stack:
        bases = []
        for number in range(PROCESSES):
            port = free_port()
            log = tmp_path / f"serve-{number}.log"
            stack.enter_context(running("serve", "--port", str(port), log=log, **settings))
            bases.append(f"http://127.0.0.1:{port}")
        for base in bases:
            until(lambda base=base: _answers(base), 90, "it serves")

        everybody = threading.Barrier(BUYERS)

        def buy(number: int) -> tuple[int, str]:
            word, base = words[number], bases[number % PROCESSES]
            # Each from an address of its own, as a proxy on this machine would say.
            headers = {"Origin": base, "X-Forwarded-For": f"198.51.100.{number + 1}"}
            with httpx2.Client(
                base_url=base, cookies={"guest": word}, headers=headers, timeout=120
            ) as client:
                added = client.post("/cart/add", data={"quote_id": quotes[word]})
                assert added.status_code == 303, added.text
                buyer = {"name": word, "email": f"{number}@example.org", "country": "DE"}
                bill = {"cents": cents, "currency": "USD", "agree": "yes"}
                shown = client.get("/checkout").text
                cart = re.search(r'name="order_id" value="([0-9a-f]{32})"', shown)
                assert cart, shown
                everybody.wait(60)
                answer = client.post("/checkout", data={**buyer, **bill, "order_id": cart[1]})
                return answer.status_code, answer.text

        with ThreadPoolExecutor(BUYERS) as pool:
            answers = list(pool.map(buy, range(BUYERS)))
    codes = Counter(code for code, _ in answers)
    assert codes == {303: 1, 409: BUYERS - 1}, [text for code, text in answers if code == 500][:1]
    assert all("just now" in text for code, text in answers if code == 409)
    assert held() == [1]
    with unit_of_work() as session:
        states = Counter(session.scalars(select(Order.state)))
    assert states == {OrderState.HELD: 1, OrderState.CART: BUYERS - 1}


def _answers(base: str) -> bool:
    try:
        return httpx2.get(f"{base}/healthz").status_code == 200
    except httpx2.TransportError:
        return False
