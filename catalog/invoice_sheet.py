"""Invoices and credit notes on paper: of what the row holds alone, the same bytes each time."""

from typing import Any

from catalog import paper, territories
from catalog.invoices import CREDIT, INVOICE
from catalog.web.words import moment, money
from models.order import Invoice

TITLES = {INVOICE: "Invoice", CREDIT: "Credit note"}
TAX = "No tax is shown. Where tax is due on this license, it is accounted for by the buyer."
MEMBERS_TAX = "No tax is shown."
PRICE_WIDTH = 34


def draw(row: Invoice) -> bytes:
    """Its PDF, of what the row holds alone: the same bytes whenever it is asked for."""
    facts = row.facts
    seller = [part.strip() for part in facts["seller"].split(";")]
    title = f"{TITLES[row.kind]} {row.number}"
    sheet = paper.sheet(title, author=seller[0], foot=title, made_ms=row.issued_ms)
    paper.head(sheet, seller[0], TITLES[row.kind])
    for line in seller[1:]:
        paper.text(sheet, line, size=9, grey=True, after=0)
    paper.text(sheet, "", after=2)
    paper.text(sheet, title, size=18, bold=True, after=4)
    paper.facts(sheet, _particulars(row))
    paper.rule(sheet)
    for line in facts["lines"]:
        _print_line(sheet, line, facts["currency"])
    paper.rule(sheet)
    _print_sum(sheet, row)
    paper.text(sheet, TAX if row.order_id else MEMBERS_TAX, size=9, grey=True)
    return paper.bytes_of(sheet)


def _particulars(row: Invoice) -> list[tuple[str, str]]:
    facts = row.facts
    country = territories.names().get(facts["country"], facts["country"])
    return [
        ("Number", row.number),
        ("Date", moment(row.issued_ms)),
        ("For", facts["buyer"]),
        ("E-mail", facts["email"]),
        ("Country", country),
        ("Order", row.order_id or ""),
        ("Payment", row.charge_id or ""),
        ("Corrects invoice", facts.get("of", "")),
        ("Reason", facts.get("why", "")),
    ]


def _print_line(sheet: paper.Sheet, line: dict[str, Any], currency: str) -> None:
    if sheet.will_page_break(26):
        sheet.add_page()
    top = sheet.get_y()
    paper.text(sheet, line["title"], bold=True, width=paper.WIDTH - PRICE_WIDTH - 4, after=1)
    below = sheet.get_y()
    sheet.set_xy(paper.MARGIN + paper.WIDTH - PRICE_WIDTH, top)
    sheet.set_font("latin", "B", 10)
    sheet.cell(PRICE_WIDTH, 5, paper.written(money(line["cents"], currency)), align="R")
    sheet.set_xy(paper.MARGIN, below)
    for words in line["says"]:
        paper.text(sheet, words, size=9, grey=True, width=paper.WIDTH - PRICE_WIDTH - 4, after=0)
    sheet.set_xy(paper.MARGIN, sheet.get_y() + 4)


def _print_sum(sheet: paper.Sheet, row: Invoice) -> None:
    cents, currency = row.facts["cents"], row.facts["currency"]
    named = "Total" if row.kind == INVOICE else "Returned to you"
    sheet.set_font("latin", "B", 12)
    sheet.set_text_color(*paper.INK)
    sheet.cell(paper.WIDTH - 60, 7, f"{named} ({currency})")
    sheet.cell(60, 7, paper.written(money(cents, currency)), align="R")
    sheet.set_xy(paper.MARGIN, sheet.get_y() + 12)
