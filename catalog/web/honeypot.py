"""Public forms against programs that fill in what they find: a field that no person sees, and how
often one network address may send.

Whoever fell in gets the answer that everybody gets, and nothing is done.
"""

from typing import Annotated

from fastapi import Form, Request

from catalog import throttle
from catalog.web.visitors import address_of
from models.base import unit_of_work

HOUR_S = 3_600
Trap = Annotated[str, Form(max_length=1_000)]
"""The field `website` of a form; its template has it by the macro `trap` of _trap.html."""


def fell_in(website: str) -> bool:
    return bool(website.strip())


def unhurried(request: Request, what: str, most: int) -> None:
    """`most` in an hour from one address. Raises TooMany."""
    with unit_of_work() as session:
        throttle.take(session, f"{what} at", address_of(request), most, HOUR_S)
