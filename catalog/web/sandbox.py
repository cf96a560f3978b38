"""The sandbox's own payment page, and the door at which processors tell what happened."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from catalog.errors import NotFound
from catalog.payments import ledger, sandbox
from catalog.payments.processors import NAMES
from catalog.web.links import path_of
from catalog.web.rendering import page
from catalog.web.visitors import ours
from models.base import reading
from models.payment import SandboxState

READ = ["GET", "HEAD"]
MOST_BYTES = 256_000
"""Stripe's largest event is far smaller."""

CARDS = {
    "works": "It works",
    "declines": "It is declined",
    "late": f"It works, and Reelyard is told {sandbox.LATE_MS // 1000} seconds late",
    "silent": "It works, and Reelyard is not told until it asks",
}

router = APIRouter(include_in_schema=False)


@router.api_route("/sandbox/pay/{payment_id}", methods=READ)
def show(request: Request, payment_id: str) -> Response:
    with reading() as session:
        payment = sandbox.shown(session, payment_id)
        return page(
            request,
            "sandbox.html",
            payment=payment,
            late_s=sandbox.LATE_MS // 1000,
            verb="Pay" if payment.amount_cents else "Keep it",
            back=path_of(payment.cancel_url or "/"),
        )


@router.post("/sandbox/pay/{payment_id}", dependencies=[Depends(ours)])
def answer(payment_id: str, answer: Annotated[sandbox.Answer, Form()]) -> Response:
    with reading() as session:
        sandbox.shown(session, payment_id)
    payment, number = sandbox.answered(payment_id, answer)
    if number:  # a job tells it too, where this is as far as it comes
        body, headers, _ = sandbox.message(payment_id, number)
        ledger.receive(sandbox.NAME, body, headers)
    gone = payment.state in (SandboxState.ABANDONED, SandboxState.DECLINED)
    return RedirectResponse(path_of(payment.cancel_url if gone else payment.back_url), 303)


@router.api_route("/sandbox/cards/{customer_ref}", methods=READ)
def show_card(request: Request, customer_ref: str, back: str = "/") -> Response:
    with reading() as session:
        card = sandbox.card_of(session, customer_ref)
        return page(request, "sandbox_card.html", card=card, back=path_of(back), said=CARDS)


@router.post("/sandbox/cards/{customer_ref}", dependencies=[Depends(ours)])
def change_card(
    customer_ref: str,
    card: Annotated[Literal["works", "declines", "late", "silent", "removed"], Form()],
    back: Annotated[str, Form()] = "/",
) -> Response:
    with reading() as session:
        sandbox.card_of(session, customer_ref)
    if card == "removed":
        sandbox.forget(customer_ref, "")
    else:
        sandbox.behave(customer_ref, card)
    return RedirectResponse(path_of(back), 303)


@router.post("/hooks/payments/{processor}")
async def heard(request: Request, processor: str) -> Response:
    """No cookie, no form token: who sends is known by the signature over the very bytes."""
    if processor not in NAMES:
        raise NotFound("There is no such payment processor here.")
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "No event of a payment is that large.")
    outcomes = await run_in_threadpool(ledger.receive, processor, bytes(body), request.headers)
    return JSONResponse({"heard": outcomes}, headers={"Cache-Control": "no-store"})
