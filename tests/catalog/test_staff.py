"""Staff's pages: for staff alone; roles, desks, and a record of who did what."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.account import Account, Role
from models.base import reading, unit_of_work
from models.creator import Creator
from models.event import Event
from tests import factories, people

SAM = "sam@example.org"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def sam(client: TestClient) -> str:
    return people.sign_in(client, SAM, Role.STAFF)


def roles_of(account_id: str) -> list[str]:
    with reading() as session:
        return session.get_one(Account, account_id).roles


@pytest.mark.parametrize("path", ["/staff", "/staff/creators", "/staff/events", "/outbox"])
def test_for_staff_alone(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 303
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    assert client.get(path).status_code == 404
    people.sign_in(client, SAM, Role.STAFF)
    assert client.get(path).status_code == 200


def test_nobody_else_gives_roles(client: TestClient) -> None:
    with unit_of_work() as session:
        creator = factories.creator(session)
    lena = people.sign_in(client, "lena@example.org", Role.LICENSEE)
    for path, fields in (
        (f"/staff/accounts/{lena}/roles", {"role": "staff"}),
        (f"/staff/creators/{creator.id}", {"email": "lena@example.org"}),
        ("/staff/accounts", {"email": "new@example.org"}),
    ):
        assert people.post(client, path, **fields).status_code == 404
        assert client.post(path, data=fields).status_code in (400, 404)
    assert roles_of(lena) == ["licensee"]
    with reading() as session:
        assert session.get_one(Creator, creator.id).account_id is None
        assert len(session.scalars(select(Account)).all()) == 1


def test_roles_are_set_and_hold_at_once(client: TestClient, sam: str) -> None:
    lena = people.account("lena@example.org", Role.LICENSEE)
    path = f"/staff/accounts/{lena}/roles"
    answer = people.post(client, path, role=["staff", "licensee"])
    assert answer.status_code == 303
    assert roles_of(lena) == ["licensee", "staff"]
    assert people.post(client, path).status_code == 303
    assert roles_of(lena) == []
    assert people.post(client, path, role="king").status_code == 400
    assert people.post(client, f"/staff/accounts/{'0' * 32}/roles").status_code == 404
    with reading() as session:
        told = session.scalars(select(Event).where(Event.kind == "account.roles")).all()
    assert [one.actor for one in told] == [sam, sam]
    assert [one.subject for one in told] == [lena, lena]


def test_the_operator_stays_staff(client: TestClient) -> None:
    operator = people.sign_in(client, "operator@reelyard.local", Role.STAFF)
    answer = people.post(client, f"/staff/accounts/{operator}/roles", role="creator")
    assert answer.status_code == 409
    assert "stays staff" in answer.text
    assert roles_of(operator) == ["staff"]


def test_a_desk_is_given_and_taken(client: TestClient, sam: str) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        creator = factories.creator(session)
    path = f"/staff/creators/{creator.id}"
    assert people.post(client, path, email="no address").status_code == 400
    assert people.post(client, path, email="Ada@example.org").status_code == 303
    assert "ada@example.org" in client.get("/staff/creators").text
    people.sign_in(client, "ada@example.org")
    assert client.get(f"/recordings/{recording.id}").status_code == 200
    people.sign_in(client, SAM)
    assert people.post(client, path, email="").status_code == 303
    people.sign_in(client, "ada@example.org")
    assert client.get(f"/recordings/{recording.id}").status_code == 404


def test_accounts_are_found_by_name_and_address(client: TestClient, sam: str) -> None:
    for i in range(55):
        people.account(f"p{i:02}@example.org")
    page = client.get("/staff").text
    assert "56 accounts" in page
    assert 'rel="next" href="/staff?from=50"' in page
    assert "sam@example.org" in client.get("/staff?from=50").text
    found = client.get("/staff?q=P07@").text
    assert re.findall(r"p\d\d@example.org", found)[0] == "p07@example.org"
    assert "1 account " in found
    assert "No account has this" in client.get("/staff", params={"q": "%"}).text
    assert "No account has this" in client.get("/staff", params={"q": HOSTILE}).text


def test_the_record_is_filtered_and_paged(client: TestClient, sam: str) -> None:
    with unit_of_work(sam) as session:
        from models.event import record

        for i in range(60):
            record(session, "license.granted", f"{i:032}", price_cents=i, note=HOSTILE)
    with unit_of_work() as session:
        record(session, "order.paid", "1" * 32)
    page = client.get("/staff/events").text
    assert "61 entries" in page
    assert "<script>alert" not in page
    assert "the house, or a guest" in page
    assert client.get("/staff/events?from=50").text.count("<tr>") == 12
    assert "1 entry" in client.get("/staff/events?kind=order").text
    by_sam = client.get("/staff/events", params={"actor": SAM}).text
    assert "60 entries" in by_sam
    assert SAM in by_sam
    assert "1 entry" in client.get(f"/staff/events?subject={7:032}").text
    assert "Nothing on record fits" in client.get("/staff/events?kind=nothing").text
    for wrong in ("-1", "x", "9" * 30):
        assert client.get(f"/staff/events?from={wrong}").status_code == 422


def test_what_a_program_did_is_told_as_its(client: TestClient, sam: str) -> None:
    people.token(sam, "pools:write")
    with reading() as session:
        made = session.scalars(select(Event).where(Event.kind == "token.made")).one()
    with unit_of_work(f"token:{made.facts['token']}") as session:
        from models.event import record

        record(session, "pool.changed", "1" * 32)
    assert "sam@example.org, by token a test" in client.get("/staff/events").text
