"""The sandbox's own payment page, and the door at which processors tell what happened."""

from typing import Annotated

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

router = APIRouter(include_in_schema=False)


@router.api_route("/sandbox/pay/{payment_id}", methods=READ)
def show(request: Request, payment_id: str) -> Response:
    with reading() as session:
        payment = sandbox.shown(session, payment_id)
        late_s = sandbox.LATE_MS // 1000
        return page(request, "sandbox.html", payment=payment, late_s=late_s)


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
