"""Stripe's Checkout Sessions, payment intents and refunds in the shapes that Stripe answers, on a
port of this machine: what localstripe does not have.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests import stripe_kept_fake


@dataclass
class Books:
    """What it was asked and what it holds."""

    url: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    setups: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, tuple[dict[str, str], tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False
    refunds_are: str = "succeeded"
    """The status of a refund as it is made."""

    def pay(self, session_id: str) -> dict[str, Any]:
        """The buyer pays on Stripe's page. The session as it is then."""
        session = self.sessions[session_id]
        kept = self._kept(session) if session["metadata"].get("keep") else {}
        if session["mode"] == "setup":
            setup = f"seti_{len(self.setups) + 1}"
            self.setups[setup] = {"id": setup, "object": "setup_intent", **kept}
            session.update(status="complete", payment_status="no_payment_required")
            session.update(setup_intent=setup, amount_total=None)
            return session
        intent = f"pi_{len(self.intents) + 1}"
        self.intents[intent] = {
            "id": intent,
            "object": "payment_intent",
            "amount": session["amount_total"],
            "currency": session["currency"],
            "status": "succeeded",
            "metadata": dict(session["metadata"]),
            "left": session["amount_total"],
            "created": int(time.time()),
            **kept,
        }
        session.update(status="complete", payment_status="paid", payment_intent=intent)
        return session

    def _kept(self, session: dict[str, Any]) -> dict[str, Any]:
        owner = stripe_kept_fake.customer(self, session["customer"] or "")
        method = next(one for one in self.methods.values() if one["customer"] == owner)
        session["customer"] = owner
        return {"customer": owner, "payment_method": method["id"]}

    def event(self, kind: str, found: dict[str, Any], name: str = "evt_1") -> bytes:
        told = {
            "id": name,
            "object": "event",
            "api_version": "2026-10-28",
            "created": int(time.time()),
            "type": kind,
            "livemode": False,
            "data": {"object": found},
        }
        return json.dumps(told).encode()


@contextmanager
def stripe_fake() -> Iterator[Books]:
    books = Books()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET", dict(parse_qsl(self.path.partition("?")[2])))

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            self._answer("POST", dict(parse_qsl(self.rfile.read(size).decode())))

        def do_DELETE(self) -> None:
            self._answer("DELETE", {})

        def _answer(self, verb: str, given: dict[str, str]) -> None:
            path = self.path.partition("?")[0]
            books.asked.append((verb, path))
            key = self.headers.get("Idempotency-Key", "")
            status, body = _reply(books, verb, path, given, key)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its base's name)
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    books.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield books
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _reply(
    books: Books, verb: str, path: str, given: dict[str, str], key: str
) -> tuple[int, dict[str, Any]]:
    if books.down:
        return 503, {"error": {"type": "api_error", "message": "Stripe is down"}}
    if key in books.keys:
        before, (status, answer) = books.keys[key]
        if before != given:
            return 400, _error("idempotency_error", "Keys for idempotent requests can only ...")
        return status, answer
    status, body = _made(books, verb, path.removeprefix("/v1/").split("/"), given)
    if verb == "POST" and key and status in (200, 402):
        books.keys[key] = given, (status, body)
    return status, body


def _made(
    books: Books, verb: str, path: list[str], given: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    if path == ["checkout", "sessions"]:
        if verb == "GET":
            newest = list(reversed(books.sessions.values()))
            return 200, {"object": "list", "data": newest, "has_more": False, "url": "/v1/"}
        if int(given["expires_at"]) < time.time() + 1800:
            return 400, _error("invalid_request_error", "The `expires_at` must be 30 minutes away")
        return 200, _session(books, given)
    if path[:2] == ["checkout", "sessions"]:
        return _of_session(books, verb, path[2:])
    if path == ["refunds"]:
        return _refunds_of(books, given) if verb == "GET" else _refund(books, given)
    return stripe_kept_fake.answer(books, verb, path, given)


def _session(books: Books, given: dict[str, str]) -> dict[str, Any]:
    lines = [name for name in given if name.endswith("[unit_amount]")]
    made = {
        "id": f"cs_test_{len(books.sessions) + 1}",
        "object": "checkout.session",
        "created": int(time.time()),
        "amount_total": sum(int(given[name]) for name in lines),
        "currency": given.get("currency") or given["line_items[0][price_data][currency]"],
        "customer": given.get("customer"),
        "client_reference_id": given["client_reference_id"],
        "livemode": False,
        "metadata": {
            name[9:-1]: value for name, value in given.items() if name.startswith("metadata[")
        },
        "mode": given["mode"],
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "success_url": given["success_url"],
    }
    made["url"] = f"https://checkout.stripe.com/c/pay/{made['id']}"
    books.sessions[made["id"]] = made
    return made


def _of_session(books: Books, verb: str, path: list[str]) -> tuple[int, dict[str, Any]]:
    session = books.sessions[path[0]]
    if verb == "POST" and path[1:] == ["expire"]:
        if session["status"] != "open":
            return 400, _error("invalid_request_error", "Only Checkout Sessions with open status")
        session["status"] = "expired"
    return 200, session


def _refunds_of(books: Books, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
    intent = given["payment_intent"]
    found = [one for one in books.refunds.values() if one["payment_intent"] == intent]
    return 200, {"object": "list", "data": found, "has_more": False, "url": "/v1/refunds"}


def _refund(books: Books, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
    intent = books.intents[given["payment_intent"]]
    amount = int(given["amount"])
    if amount > intent["left"]:
        return 400, _error("invalid_request_error", "Refund amount is greater than unrefunded")
    intent["left"] -= amount
    made = {
        "id": f"re_{len(books.refunds) + 1}",
        "object": "refund",
        "amount": amount,
        "created": int(time.time()),
        "currency": intent["currency"],
        "metadata": {
            name[9:-1]: value for name, value in given.items() if name.startswith("metadata[")
        },
        "payment_intent": intent["id"],
        "status": books.refunds_are,
    }
    books.refunds[made["id"]] = made
    return 200, made


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}
