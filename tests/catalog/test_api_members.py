"""Memberships for programs: the same doors, scopes and refusals."""

from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from models.account import Account
from models.base import reading, unit_of_work
from models.membership import Charge, Membership
from tests import member_factories as members
from tests import people

LIN = "lin@example.org"
ALL = "/api/v1/memberships"
Call = Callable[..., Response]


@pytest.fixture
def tiers(client: TestClient) -> dict[str, Any]:
    account_id = people.account(LIN)
    with unit_of_work() as session:
        members.tiers(session)
        account = session.get_one(Account, account_id)
        account.verified_ms = 1
        members.method(session, account.id)
    return {one["key"]: one for one in client.get("/api/v1/creators/ada/tiers").json()["tiers"]}


@pytest.fixture
def call(client: TestClient, tiers: dict[str, Any]) -> Call:
    """Lin's program."""
    headers = people.token(people.account(LIN), "memberships:read", "memberships:write")

    def send(method: str, path: str, **json: Any) -> Response:
        given = {"params": json} if method == "GET" else {"json": json} if json else {}
        return client.request(method, f"/api/v1{path}", headers=headers, **given)  # type: ignore[arg-type]

    return send


def asked(tier: dict[str, Any], period: str = "month", cents: int | None = None) -> dict[str, Any]:
    price = tier[f"{period}_cents"] if cents is None else cents
    return {"tier_id": tier["id"], "period": period, "cents": price, "currency": "USD"}


def test_the_tiers_are_told_to_everybody(client: TestClient, tiers: dict[str, Any]) -> None:
    assert [one["month_cents"] for one in tiers.values()] == [300, 900, 2500]
    assert tiers["early"]["gives"][0] == "Clips 24 hours before everybody sees them"
    found = client.get("/api/v1/creators/ada/tiers").json()
    assert (found["open"], found["coming"]) == (True, [])
    assert client.get("/api/v1/creators/nobody/tiers").status_code == 404


def test_join_upgrade_and_leave(call: Call, tiers: dict[str, Any]) -> None:
    joined = call("POST", "/memberships", **asked(tiers["early"]))
    assert joined.status_code == 201
    one = joined.json()
    assert (one["state"], one["gives_perks"], one["next_payment_cents"]) == ("active", True, 300)
    assert call("POST", "/memberships", **asked(tiers["early"])).json()["id"] == one["id"]
    here = f"/memberships/{one['id']}"
    quote = call("GET", f"{here}/quote", tier_id=tiers["drops"]["id"], period="month").json()
    assert (quote["when"], quote["amount_cents"]) == ("now", 600)
    assert sum(line["cents"] for line in quote["lines"]) == 600
    wanted = asked(tiers["drops"], cents=quote["amount_cents"])
    assert call("POST", f"{here}/change", **wanted).json()["tier"]["key"] == "drops"
    later = call("POST", f"{here}/change", **asked(tiers["early"], cents=300)).json()
    assert later["next_tier_id"] == tiers["early"]["id"]
    assert call("POST", f"{here}/keep").json()["next_tier_id"] == tiers["drops"]["id"]
    assert call("POST", f"{here}/pause", months=1).json()["state"] == "paused"
    assert call("POST", f"{here}/resume").json()["state"] == "active"
    left = call("POST", f"{here}/cancel").json()
    assert (left["leaving"], left["next_payment_ms"]) == (True, None)
    assert call("POST", f"{here}/stay").json()["leaving"] is False
    receipt = call("POST", f"{here}/withdraw").json()
    assert receipt["refund_cents"] == 900
    assert receipt["email"] == LIN
    assert [one["end_reason"] for one in call("GET", "/memberships").json()] == ["withdrawn"]


def test_refusals_carry_a_code_and_a_sentence(call: Call, tiers: dict[str, Any]) -> None:
    wrong = call("POST", "/memberships", **asked(tiers["early"], cents=1))
    assert (wrong.status_code, wrong.json()["code"]) == (409, "price_changed")
    assert "It costs $3.00 now" in wrong.json()["detail"]
    call("POST", "/memberships", **asked(tiers["early"]))
    again = call("POST", "/memberships", **asked(tiers["drops"]))
    assert (again.status_code, again.json()["code"]) == (409, "already_member")
    with reading() as session:
        assert len(session.scalars(select(Charge)).all()) == 1


def test_a_token_without_the_scope_may_not(client: TestClient, tiers: dict[str, Any]) -> None:
    reads = people.token(people.account(LIN), "memberships:read")
    assert client.get(ALL, headers=reads).json() == []
    denied = client.post(ALL, headers=reads, json=asked(tiers["early"]))
    assert denied.status_code == 403
    assert client.get(ALL).status_code == 401


def test_another_account_finds_nothing(
    client: TestClient, call: Call, tiers: dict[str, Any]
) -> None:
    one = call("POST", "/memberships", **asked(tiers["early"])).json()["id"]
    mallory = people.account("mallory@example.org")
    theirs = people.token(mallory, "memberships:read", "memberships:write")
    assert client.get(f"{ALL}/{one}", headers=theirs).status_code == 404
    for act in ("cancel", "stay", "resume", "keep", "pay", "withdraw"):
        assert client.post(f"{ALL}/{one}/{act}", headers=theirs).status_code == 404, act
    with reading() as session:
        assert session.scalars(select(Membership)).one().ends_at_period is False
