"""Idempotency-Key: a change that is sent twice is made once, and answered twice alike.

For every POST and PATCH of the API. What is kept for a day is locked with the key itself: whoever
reads the database finds no token in an answer that made one.
"""

import base64
import hashlib
import json
import re

from cryptography.fernet import Fernet
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog import answers
from catalog.limits import FILES
from catalog.web import visitors
from models.account import Answered
from models.base import now_ms, unit_of_work

HEADER = "Idempotency-Key"
METHODS = ("POST", "PATCH")
KEPT_MS = 86_400_000
KILLED_MS = 120_000
"""No answer takes so long: whoever was at it is gone."""
KEY = re.compile(r"[\x21-\x7e]{16,200}")
RETRY_S = 2
UNTOUCHED = range(400, 500)
WAITING = 503
"""Refusals changed nothing: they are not kept, and the same key may ask again."""
GIVEN_AGAIN = ("content-type", "location", "etag")


class Idempotent:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _concerned(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
            known = await run_in_threadpool(_claimed, request, body)
        except Exception as error:  # outside of the handlers that would tell it
            told = await run_in_threadpool(answers.told, request, error)
            await told(scope, receive, send)
            return
        if isinstance(known, Response):
            await known(scope, receive, send)
            return
        await _answered(self.app, scope, _again(body, receive), send, known)


class Claim:
    """One key of one visitor, and what is kept under it."""

    def __init__(self, whose: str, key: str) -> None:
        self.whose, self.key = whose, hashlib.sha256(f"key {whose} {key}".encode()).hexdigest()
        locked_with = hashlib.sha256(f"answer {whose} {key}".encode()).digest()
        self.lock = Fernet(base64.urlsafe_b64encode(locked_with))

    def keep(self, status: int, headers: dict[str, str], body: bytes) -> None:
        packed = json.dumps([headers, body.decode("latin-1")]).encode()
        with unit_of_work() as session:
            session.execute(
                update(Answered)
                .where(Answered.key == self.key, Answered.whose == self.whose)
                .values(status=status, body=self.lock.encrypt(packed).decode())
            )

    def let_go(self) -> None:
        with unit_of_work() as session:
            session.execute(
                delete(Answered).where(Answered.key == self.key, Answered.whose == self.whose)
            )

    def again(self, row: Answered) -> Response:
        headers, body = json.loads(self.lock.decrypt(row.body.encode()))
        made = Response(body.encode("latin-1"), row.status, headers)
        made.headers["Idempotency-Replayed"] = "true"
        return made


def collect() -> None:
    """What was kept for long enough."""
    with unit_of_work() as session:
        session.execute(delete(Answered).where(Answered.created_ms < now_ms() - KEPT_MS))


def _concerned(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in METHODS
        and str(scope["path"]).startswith("/api/")
        and not str(scope["path"]).startswith(FILES)  # read as they come, and nothing is changed
        and HEADER in Headers(scope=scope)
    )


def _claimed(request: Request, body: bytes) -> Claim | Response:
    """Ours to answer; or the answer that was given, or why there is none."""
    key = request.headers[HEADER].strip().strip('"')  # a structured field's quotes, or none
    visitor = visitors.visitor(request)
    whose = visitor.account_id or visitor.guest
    if not KEY.fullmatch(key):
        said = "An Idempotency-Key has 16 to 200 visible characters."
        return answers.problem(request, 400, said, code="idempotency_key_unreadable")
    if not whose:
        said = "An Idempotency-Key belongs to somebody: send a token or the guest's cookie with it."
        return answers.problem(request, 400, said, code="idempotency_key_unreadable")
    claim, asked = Claim(whose, key), _fingerprint(request, body)
    try:
        with unit_of_work() as session:
            session.execute(
                delete(Answered).where(
                    Answered.key == claim.key,
                    Answered.whose == whose,
                    Answered.created_ms < now_ms() - KEPT_MS,
                )
            )
            row = Answered(key=claim.key, whose=whose, request_sha256=asked, status=0, body="")
            session.add(row)
        return claim
    except IntegrityError:  # it was here before
        return _known(request, claim, asked)


def _known(request: Request, claim: Claim, asked: str) -> Response:
    wanted = select(Answered).filter_by(key=claim.key, whose=claim.whose)
    with unit_of_work() as session:
        row = session.scalars(wanted).one_or_none()
        now = session.scalar(select(now_ms())) or 0
    old = row is not None and row.created_ms < now - KILLED_MS
    if row is not None and row.request_sha256 != asked:
        said = "This key came with another request before. Use a new key for a new request."
        return answers.problem(request, 422, said, code="idempotency_key_reused")
    if row is None or (row.status == 0 and not old):
        said = "The first request with this key is still being answered. Send it again in a moment."
        wait = {"Retry-After": str(RETRY_S)}
        return answers.problem(request, 409, said, wait, code="idempotency_key_in_use")
    if row.status >= 500 or row.status == 0:
        said = "The first request with this key failed on this side. Look whether it took place."
        return answers.problem(request, 500, said, code="idempotency_key_failed")
    return claim.again(row)


def _fingerprint(request: Request, body: bytes) -> str:
    address = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(address.encode() + body).hexdigest()


def _again(body: bytes, receive: Receive) -> Receive:
    """The body was read; what comes after it (the client went away) is still to be heard."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send, claim: Claim) -> None:
    """Kept before its last byte is sent: who has the answer will get the same one again."""
    status, headers, parts = 500, {}, list[bytes]()

    async def keeping(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, held = message["status"], MutableHeaders(scope=message)
            headers = {name: held[name] for name in GIVEN_AGAIN if name in held}
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await run_in_threadpool(_settle, claim, status, headers, b"".join(parts))
        await send(message)

    try:
        await app(scope, receive, keeping)
    except HTTPException:
        await run_in_threadpool(claim.let_go)
        raise
    except Exception:
        await run_in_threadpool(claim.keep, 500, {}, b"")
        raise


def _settle(claim: Claim, status: int, headers: dict[str, str], body: bytes) -> None:
    if status in UNTOUCHED or status == WAITING:
        claim.let_go()
    else:
        claim.keep(status, headers, body)
