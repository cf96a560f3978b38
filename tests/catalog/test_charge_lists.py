"""One's payments as a list, on the page and for programs: all of one's own, nobody else's."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog.auth import Visitor
from catalog.members import billing
from models.account import Account
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeKind, ChargeState
from tests import factories, people
from tests import member_factories as members

LIN, EVE = "lin@example.org", "eve@example.org"
ALL = "/api/v1/charges"
COUNT = 7
AT_MS = 1_700_000_000_000
Headers = dict[str, str]


def person(email: str) -> Visitor:
    account_id = people.account(email)
    with unit_of_work() as session:
        account = session.get_one(Account, account_id)
        account.verified_ms = 1
        members.method(session, account_id)
        return members.visitor_of(account)


def tipped(who: Visitor, cents: int = 200) -> str:
    with unit_of_work() as session:
        creator_id = factories.creator(session).id
    return billing.tip(who, creator_id, cents, "USD").charge_id


def key(email: str, *scopes: str) -> Headers:
    return people.token(people.account(email), *(scopes or ("memberships:read",)))


def test_pages_lead_to_the_last_and_hold_each_once(client: TestClient) -> None:
    mine, other = people.account(LIN), people.account(EVE)
    with unit_of_work() as session:
        for number in range(COUNT):
            at = {"created_ms": AT_MS + number // 3}  # several of one moment
            members.charge(session, kind=ChargeKind.TIP, account_id=mine, **at)
        members.charge(session, kind=ChargeKind.TIP, account_id=mine, state=ChargeState.VOID)
        members.charge(session, kind=ChargeKind.TIP, account_id=other)
    found: list[dict[str, Any]] = []
    address, headers = f"{ALL}?limit=3", key(LIN)
    for _ in range(3):
        answer = client.get(address, headers=headers)
        assert answer.json()["total"] == COUNT
        found += answer.json()["charges"]
        link = answer.headers.get("link", "")
        assert bool(link) == bool(answer.json()["next_cursor"])
        address = link[link.find("/api") : link.find(">")]
    assert not link
    assert len({one["id"] for one in found}) == len(found) == COUNT
    assert [one["created_ms"] for one in found] == sorted(
        (one["created_ms"] for one in found), reverse=True
    )
    with reading() as session:
        assert {session.get_one(Charge, one["id"]).account_id for one in found} == {mine}
    assert client.get(f"{ALL}?cursor=1~~", headers=headers).status_code == 400
    assert client.get(f"{ALL}?limit=0", headers=headers).status_code == 422


def test_one_payment_says_what_it_was_for_and_has_its_paper(client: TestClient) -> None:
    who, membership_id = members.member()
    headers = key(who.email)
    [one] = client.get(ALL, headers=headers).json()["charges"]
    assert client.get(f"{ALL}/{one['id']}", headers=headers).json() == one
    assert (one["kind"], one["state"], one["creator"]) == ("join", "paid", "ada")
    assert (one["amount_cents"], one["currency"], one["refunded_cents"]) == (300, "USD", 0)
    assert one["membership_id"] == membership_id
    assert sum(line["cents"] for line in one["lines"]) == one["amount_cents"]
    [paper] = one["papers"]
    got = client.get(f"{ALL}/{one['id']}/papers/{paper['number']}", headers=headers)
    assert (got.headers["content-type"], got.content[:5]) == ("application/pdf", b"%PDF-")
    assert client.get(f"{ALL}/{one['id']}/papers/X-1", headers=headers).status_code == 404


def test_a_tip_is_taken_back_by_a_program_and_a_membership_is_not(client: TestClient) -> None:
    who = person(LIN)
    tip = tipped(who)
    headers = key(LIN, "memberships:read", "memberships:write")
    for _ in range(2):
        undone = client.post(f"{ALL}/{tip}/undo", headers=headers).json()
        assert [one["amount_cents"] for one in undone["refunds"]] == [200]
    members.pay_back()
    assert client.get(f"{ALL}/{tip}", headers=headers).json()["state"] == "refunded"
    joined, _ = members.member()
    theirs = key(joined.email, "memberships:read", "memberships:write")
    [one] = client.get(ALL, headers=theirs).json()["charges"]
    refused = client.post(f"{ALL}/{one['id']}/undo", headers=theirs)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_tip")


def test_one_that_waits_leads_to_its_payment_and_can_be_given_up(client: TestClient) -> None:
    who, tier_id = members.stranger("")
    headers = key(who.email, "memberships:read", "memberships:write")
    way = billing.join(who, tier_id, "month", cents=300, currency="USD")
    here = f"{ALL}/{way.charge_id}"
    waits = client.post(f"{here}/pay", headers=headers).json()
    assert (waits["state"], waits["pay_url"]) == ("asked", way.url)
    assert client.post(f"{here}/give-up", headers=headers).json()["state"] == "failed"
    assert client.post(f"{here}/pay", headers=headers).json()["pay_url"] == ""


@pytest.mark.parametrize("whose", [EVE, "ada@example.org"])
def test_nobody_else_finds_it_not_even_the_creator(client: TestClient, whose: str) -> None:
    tip = tipped(person(LIN))
    people.account("ada@example.org", creator="ada")
    headers = key(whose, "memberships:read", "memberships:write")
    assert client.get(ALL, headers=headers).json()["charges"] == []
    assert client.get(f"{ALL}/{tip}", headers=headers).status_code == 404
    number = client.get(f"{ALL}/{tip}", headers=key(LIN)).json()["papers"][0]["number"]
    assert client.get(f"{ALL}/{tip}/papers/{number}", headers=headers).status_code == 404
    for act in ("pay", "give-up", "undo"):
        assert client.post(f"{ALL}/{tip}/{act}", headers=headers).status_code == 404, act


def test_a_token_without_the_scope_may_not(client: TestClient) -> None:
    tip = tipped(person(LIN))
    assert client.get(ALL).status_code == 401
    assert client.get(ALL, headers=key(LIN, "orders:read")).status_code == 403
    assert client.post(f"{ALL}/{tip}/undo", headers=key(LIN)).status_code == 403


def test_the_page_lists_one_s_own_with_their_papers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.web.charges.SHOWN", 2)
    assert client.get("/charges").headers["location"].startswith("/sign-in?back=")
    people.sign_in(client, LIN)
    assert "No payment yet" in client.get("/charges").text
    lin = person(LIN)
    tips = [tipped(lin, cents) for cents in (200, 300, 500)]
    theirs = tipped(person(EVE))
    first = client.get("/charges").text
    assert "3 payments for memberships and tips" in first
    assert first.count(".pdf") == 2
    older = first.partition('href="/charges?cursor=')[2].partition('"')[0]
    second = client.get(f"/charges?cursor={older}").text
    assert second.count(".pdf") == 1
    assert 'rel="next"' not in second
    for tip in tips:
        assert (f"/charges/{tip}" in first) != (f"/charges/{tip}" in second)
    assert theirs not in first + second
    assert client.get("/charges?cursor=x").status_code == 400
