"""Invoices and credit notes: numbered without gaps, printed the same each time, in any script."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import invoice_sheet, invoices, orders
from catalog.auth import Visitor
from catalog.payments import sandbox
from models.base import new_id, reading, unit_of_work
from models.order import Invoice, Order, OrderLine
from tests import order_factories as shop


def issued(order_id: str) -> list[Invoice]:
    with reading() as session:
        return list(invoices.of_order(session, order_id))


def made(**facts: object) -> Invoice:
    said = {
        **{"seller": "Reelyard; 1 Quay; VAT XY 123", "buyer": "Film & Co", "country": "DE"},
        **{"email": "a@example.org", "currency": "EUR", "cents": 12_000, "processor": "sandbox"},
        "lines": [{"title": "Editorial license: A goal", "says": ["Websites"], "cents": 12_000}],
    }
    return Invoice(
        number="R2026-000001",
        order_id=new_id(),
        kind="invoice",
        facts=said | facts,
        issued_ms=1_790_000_000_000,
    )


def test_hold_all_that_was_sold(database: Path) -> None:
    order_id, _ = shop.paid(shop.GUEST, 12_000, 5_050)
    [row] = issued(order_id)
    assert row.facts["cents"] == 17_050
    assert [line["cents"] for line in row.facts["lines"]] == [12_000, 5_050]
    assert row.facts["buyer"] == shop.BUYER.name
    assert row.facts["currency"] == "USD"
    assert "editorial terms version 1" in row.facts["lines"][0]["says"][0]


def test_are_the_same_bytes_whenever_they_are_asked_for(database: Path) -> None:
    order_id, _ = shop.paid()
    [row] = issued(order_id)
    assert invoice_sheet.draw(row) == invoice_sheet.draw(row)
    with unit_of_work() as session:  # what is sold later under another title
        line = session.scalars(select(OrderLine)).one()
        line.listing.clip.title = "Another title"
    [again] = issued(order_id)
    assert invoice_sheet.draw(again) == invoice_sheet.draw(row)


def test_are_numbered_without_gaps_though_many_pay_at_once(database: Path) -> None:
    begun = [shop.at_processor(Visitor(guest=str(n) * 64)) for n in range(6)]
    told = [(payment, sandbox.answered(payment, "pay")[1]) for _, payment in begun]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: shop.tell(*one), told))
    with reading() as session:
        numbers = sorted(session.scalars(select(Invoice.number)))
    year = numbers[0][:6]
    assert numbers == [f"{year}{n:06}" for n in range(1, 7)]


def test_that_could_not_be_granted_leaves_no_gap(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that fails takes its number back."""
    _, payment = shop.at_processor()
    number = sandbox.answered(payment, "pay")[1]
    with monkeypatch.context() as patch:
        patch.setattr(orders.mail, "write", fails)
        with pytest.raises(OSError, match="no room"):
            shop.tell(payment, number)
    shop.tell(payment, number)
    with reading() as session:
        assert [one[-6:] for one in session.scalars(select(Invoice.number))] == ["000001"]


def fails(*_: object, **__: object) -> None:
    raise OSError("no room")


def test_of_credit_name_the_invoice_that_they_correct(database: Path) -> None:
    order_id, _ = shop.paid(shop.GUEST, 12_000, 5_000)
    with reading() as session:
        line = session.get_one(Order, order_id).lines[1].id
    shop.ask_refund(order_id, [line])
    shop.pay_back()
    invoice, note = issued(order_id)
    assert note.number.startswith("C")
    assert note.facts["of"] == invoice.number
    assert note.facts["cents"] == 5_000
    assert invoice_sheet.draw(note).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "name",
    ["Søren Ångström", "Ελένη", "Владимир", "明かり", "محمد علي", "🎬🎬", "\u202eevil", "a\x00b"],
)
def test_take_any_script(name: str) -> None:
    assert invoice_sheet.draw(made(buyer=name)).startswith(b"%PDF-")


@settings(
    max_examples=5,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.text(max_size=200), st.integers(0, 10**12))
def test_take_any_text_and_amount(words: str, cents: int) -> None:
    line = {"title": words, "says": [words], "cents": cents}
    row = made(buyer=words, seller=words or ";", cents=cents, lines=[line] * 3)
    assert io.BytesIO(invoice_sheet.draw(row)).read(5) == b"%PDF-"


def test_of_many_lines_go_on_over_pages() -> None:
    line = {"title": "A clip " * 20, "says": ["Websites; worldwide; 365 days"] * 3, "cents": 100}
    printed = invoice_sheet.draw(made(lines=[line] * 50, cents=5_000))
    assert printed.count(b"/Type /Page\n") > 3
