"""Pools over their two doors, page and API: who may do what, with and without scripts."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalog import pools
from models.account import Role
from models.base import reading, unit_of_work
from models.event import Event
from models.pool import Hook, HookMessage, Partner, Pool
from tests import factories, people, pool_factories
from tests.pool_factories import run_light

RULE = {"name": "Goals", "fills": "rule", "least_score": "0.8", "clips": "both"}
HOOK = {"url": "https://partner.example/in", "kinds": ["clip.added"]}


@pytest.fixture
def goals(client: TestClient) -> dict[str, str]:
    """Ada's pool with a clip, a partner Pia with a webhook and a message; a stranger Ben."""
    with unit_of_work() as session:
        owner = factories.creator(session, "ada")
        pool = pool_factories.pool(session, slug="goals", creator_id=owner.id)
        account_id = pool_factories.partner(session, pool)
        recording = factories.recording(session, creator_id=owner.id)
        listing = factories.listing(session, factories.clip(session, recording))
        other = factories.listing(session, factories.clip(session, recording))
    run_light("route")
    with unit_of_work() as session:
        hook = pool_factories.hook(session, pool, account_id, HOOK["url"])
        message = HookMessage(
            id="msg_1", hook_id=hook.id, kind="ping", body="{}", tries=[], delivered_ms=1
        )
        session.add(message)
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    people.account("ben@example.org", Role.CREATOR, creator="ben")
    return {"hook": hook.id, "listing": listing.id, "other": other.id, "account": account_id}


def signed_in(client: TestClient, who: str) -> None:
    client.cookies.clear()
    email = "pia@partner.example" if who == "pia" else f"{who}@example.org"
    roles = {"ada": Role.CREATOR, "ben": Role.CREATOR, "pia": Role.PARTNER, "sam": Role.STAFF}
    people.sign_in(client, email, roles[who])


def test_each_page_is_for_those_it_concerns(client: TestClient, goals: dict[str, str]) -> None:
    allowed = {
        "/pools/goals": {"ada", "pia", "sam"},
        "/pools/goals/rule": {"ada", "sam"},
        f"/hooks/{goals['hook']}": {"pia", "sam"},
        "/pools": {"ada", "ben", "pia", "sam"},
        "/pools/new": {"ada", "ben", "sam"},
        "/pools/nothing": set[str](),
    }
    for path, may in allowed.items():
        assert client.get(path).status_code == 303, path
        assert client.get(path).headers["location"].startswith("/sign-in")
        for who in ("ada", "ben", "pia", "sam"):
            signed_in(client, who)
            assert client.get(path).status_code == (200 if who in may else 404), (path, who)
        client.cookies.clear()


def test_each_change_is_refused_to_others_and_to_forms_of_others(
    client: TestClient, goals: dict[str, str]
) -> None:
    member = f"/pools/goals/members/{goals['listing']}/remove"
    hook = f"/hooks/{goals['hook']}"
    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "/pools/goals/rule": (RULE, ("ben", "pia")),
        "/pools/goals/close": ({}, ("ben", "pia")),
        "/pools/goals/members": ({"clip": goals["other"]}, ("ben", "pia")),
        member: ({}, ("ben", "pia")),
        "/pools/goals/partners": ({"email": "x@example.org"}, ("ben", "pia")),
        f"/pools/goals/partners/{goals['account']}/end": ({}, ("ben", "pia")),
        "/pools/goals/feeds": ({}, ("ben",)),
        "/pools/goals/hooks": (HOOK, ("ben",)),
        f"{hook}/rotate": ({}, ("ben", "ada")),
        f"{hook}/ping": ({}, ("ben", "ada")),
        f"{hook}/disable": ({}, ("ben", "ada")),
        f"{hook}/enable": ({}, ("ben", "ada")),
        "/hooks/messages/msg_1/redeliver": ({}, ("ben", "ada")),
    }
    with reading() as session:
        before = session.query(Event).count(), session.query(HookMessage).count()
    for path, (fields, strangers) in changes.items():
        for who in strangers:
            signed_in(client, who)
            assert people.post(client, path, **fields).status_code == 404, (path, who)
        signed_in(client, "sam")
        assert client.post(path, data={**fields, "form_token": "x"}).status_code == 400, path
        foreign = {"sec-fetch-site": "cross-site"}
        token = people.form_token(client)
        sent = client.post(path, data={**fields, "form_token": token}, headers=foreign)
        assert sent.status_code == 400, path
    with reading() as session:
        assert (session.query(Event).count(), session.query(HookMessage).count()) == before


def test_a_creator_makes_a_pool_sees_it_fill_and_changes_it(client: TestClient) -> None:
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        owner = factories.creator(session, "ada")
        recording = factories.recording(session, creator_id=owner.id)
        clip = factories.clip(session, recording, title="In it <b>", score=0.9)
        factories.listing(session, clip)
        factories.listing(session, factories.clip(session, recording, title="Out", score=0.3))
    assert "There is no pool yet" in client.get("/pools").text
    assert "2 clips</strong> fit this rule now" in client.get("/pools/new").text
    asked = {**RULE, "creator": owner.id}
    shown = people.post(client, "/pools/trial", **asked)
    assert "<h1>Make a pool</h1>" in shown.text
    assert "1 clip</strong> fits this rule now" in shown.text
    assert "Its score is 0.90; 0.80 is asked for." in shown.text
    assert 'name="least_score" inputmode="decimal" maxlength="6" value="0.8"' in shown.text
    made = people.post(client, "/pools", **asked)
    assert (made.status_code, made.headers["location"]) == (303, "/pools/ada-goals?done=made")
    run_light("pool")
    page = client.get("/pools/ada-goals?done=made").text
    assert "In it &lt;b&gt;" in page
    assert "1 clip</h2>" in page
    assert ">Out<" not in page
    changed = people.post(
        client, "/pools/ada-goals/rule", **{**RULE, "name": "All", "least_score": ""}
    )
    assert changed.headers["location"] == "/pools/ada-goals?done=saved"
    run_light("pool")
    assert "2 clips</h2>" in client.get("/pools/ada-goals").text


def test_the_open_page_is_shown_the_trial_alone(client: TestClient) -> None:
    people.sign_in(client, "sam@example.org", Role.STAFF)
    fields = {**RULE, "form_token": people.form_token(client)}
    shown = client.post("/pools/trial", data=fields, headers={"hx-request": "true"})
    assert shown.status_code == 200
    assert "<html" not in shown.text
    assert "No clip on sale fits this rule now." in shown.text
    wrong = {**fields, "least_score": "high"}
    told = client.post("/pools/trial", data=wrong, headers={"hx-request": "true"})
    assert "The score has to be a number, for example 0.8." in told.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " \u202e ", "The pool needs a name."),
        ("least_score", "7", "least score"),
        ("least_s", "-1", "The shortest length has to be a whole number"),
        ("most_s", "1e9", "The longest length has to be a whole number"),
        ("begins", "31 May", "The first moment has to be a date with a time"),
        ("embargo_min", "999999", "embargo ms"),
        ("language", "<script>", "language"),
        ("kinds", "cheer'--", "kinds"),
        ("clips", "everything", "clips"),
    ],
)
def test_a_form_that_can_not_be_meant_comes_back_with_what_was_typed(
    client: TestClient, field: str, value: str, said: str
) -> None:
    people.sign_in(client, "sam@example.org", Role.STAFF)
    answer = people.post(client, "/pools", **{**RULE, "about": "Typed before", field: value})
    assert answer.status_code == 400
    assert said in answer.text
    assert 'value="Typed before"' in answer.text
    assert '<script>"' not in answer.text
    with reading() as session:
        assert session.query(Pool).count() == 0


def test_addresses_with_a_token_and_secrets_are_shown_once(
    client: TestClient, goals: dict[str, str]
) -> None:
    signed_in(client, "pia")
    answer = people.post(client, "/pools/goals/feeds")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    word = answer.text.split("goals.mrss?token=")[1].split("<")[0]
    assert client.get(f"/feeds/goals.mrss?token={word}").status_code == 200
    assert word not in client.get("/pools/goals").text
    made = people.post(client, "/pools/goals/hooks", **HOOK)
    secret = "whsec_" + made.text.split("whsec_")[1].split("<")[0]
    with reading() as session:
        row = session.query(Hook).filter_by(secret=secret).one()
    assert made.headers["cache-control"] == "no-store"
    assert secret not in client.get(f"/hooks/{row.id}").text
    assert secret not in client.get("/pools/goals").text


def test_a_partner_is_invited_and_the_partnership_ended(
    client: TestClient, goals: dict[str, str]
) -> None:
    signed_in(client, "ada")
    people.post(client, "/pools/goals/partners", email="new@partner.example")
    assert "new@partner.example" in client.get("/pools/goals").text
    people.post(client, f"/pools/goals/partners/{goals['account']}/end")
    with reading() as session:
        ended = session.query(Partner).filter_by(account_id=goals["account"]).one()
        assert ended.ended_ms is not None
        assert session.query(Hook).one().disabled_why == "The partnership was ended."
    signed_in(client, "pia")
    assert client.get("/pools/goals").status_code == 404


def test_partners_see_no_embargoed_clip_on_the_page_or_in_the_api(
    client: TestClient, goals: dict[str, str]
) -> None:
    with unit_of_work() as session:
        session.query(Pool).one().embargo_ms = 86_400_000
    signed_in(client, "pia")
    assert "0 clips</h2>" in client.get("/pools/goals").text
    assert client.get("/api/v1/pools/goals/members").json()["total"] == 0
    signed_in(client, "ada")
    assert client.get("/api/v1/pools/goals/members").json()["total"] == 2


def test_the_api_does_what_the_pages_do(client: TestClient) -> None:
    account_id = people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        owner = factories.creator(session, "ada")
        recording = factories.recording(session, creator_id=owner.id)
        good = factories.listing(session, factories.clip(session, recording, score=0.9)).id
        poor = factories.listing(session, factories.clip(session, recording, score=0.2)).id
        scopes = ("pools:read", "pools:write", "hooks:write")
        word = pool_factories.token(session, account_id, *scopes)
        weak = pool_factories.token(session, account_id, "pools:read")
    bearer = {"Authorization": f"Bearer {word}"}

    def ask(method: str, path: str, **given: Any) -> Any:
        return client.request(method, f"/api/v1{path}", headers=bearer, **given)

    rule = {"rule": {"least_score": 0.8}, "creator_id": owner.id}
    tried = ask("POST", "/pools/trial", json=rule).json()
    assert (tried["count"], tried["listings"][0]["listing_id"]) == (1, good)
    made = ask("POST", "/pools", json={"name": "Goals", **rule})
    assert made.status_code == 201
    assert made.json()["slug"] == "ada-goals"
    run_light("pool")
    members = ask("GET", "/pools/ada-goals/members").json()
    assert [one["why"] for one in members["members"]] == [["Its score is 0.90; 0.80 is asked for."]]
    assert ask("PUT", f"/pools/ada-goals/members/{poor}").json()["by_hand"] is True
    assert ask("DELETE", f"/pools/ada-goals/members/{good}").status_code == 204
    listed = ask("GET", "/pools/ada-goals/members").json()["members"]
    assert [one["listing_id"] for one in listed] == [poor]
    changed = ask("PUT", "/pools/ada-goals", json={"name": "Best", "rule": {"tags": ["Goal"]}})
    assert (changed.json()["name"], changed.json()["rule"]["tags"]) == ("Best", ["goal"])
    hook = ask("POST", "/pools/ada-goals/hooks", json=HOOK).json()
    assert hook["secret"].startswith("whsec_")
    assert "secret" not in ask("GET", "/pools/ada-goals/hooks").json()["hooks"][0]
    assert ask("POST", f"/hooks/{hook['id']}/rotate").json()["secret"] != hook["secret"]
    sent = ask("POST", f"/hooks/{hook['id']}/ping")
    assert sent.status_code == 202
    again = ask("POST", f"/hooks/messages/{sent.json()['id']}/redeliver")
    assert (again.status_code, again.json()["code"]) == (409, "still_trying")
    log = ask("GET", f"/hooks/{hook['id']}/messages").json()
    assert [one["kind"] for one in log["messages"]] == ["ping"]
    assert ask("DELETE", f"/hooks/{hook['id']}").json()["disabled_why"]
    assert ask("POST", f"/hooks/{hook['id']}/enable").json()["disabled_ms"] is None
    assert ask("DELETE", "/pools/ada-goals").json()["closed_ms"] is not None
    for path, json in (("/pools", {"name": "x", **rule}), ("/pools/ada-goals/hooks", HOOK)):
        refused = client.post(
            f"/api/v1{path}", json=json, headers={"Authorization": f"Bearer {weak}"}
        )
        assert refused.status_code == 403


def test_the_api_hides_what_is_anothers(client: TestClient, goals: dict[str, str]) -> None:
    ben = people.account("ben@example.org", Role.CREATOR)
    with unit_of_work() as session:
        scopes = ("pools:read", "pools:write", "hooks:write")
        word = pool_factories.token(session, ben, *scopes)
        ada = factories.creator(session, "ada").id
    new = {"name": "Mine", "creator_id": ada}
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/pools/goals", None),
        ("PUT", "/pools/goals", {"name": "x"}),
        ("DELETE", "/pools/goals", None),
        ("GET", "/pools/goals/members", None),
        ("PUT", f"/pools/goals/members/{goals['other']}", None),
        ("DELETE", f"/pools/goals/members/{goals['listing']}", None),
        ("GET", "/pools/goals/hooks", None),
        ("POST", "/pools/goals/hooks", HOOK),
        ("POST", f"/hooks/{goals['hook']}/ping", None),
        ("POST", f"/hooks/{goals['hook']}/rotate", None),
        ("DELETE", f"/hooks/{goals['hook']}", None),
        ("GET", f"/hooks/{goals['hook']}/messages", None),
        ("POST", "/hooks/messages/msg_1/redeliver", None),
        ("POST", "/pools", new),
        ("POST", "/pools", {**new, "creator_id": None}),
        ("POST", "/pools/trial", {"creator_id": ada}),
        ("POST", "/pools/trial", {}),
    ]
    for method, path, body in asked:
        answer = client.request(
            method, f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {word}"}
        )
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        client.cookies.clear()
        assert client.request(method, f"/api/v1{path}", json=body).status_code == 401
    assert client.get("/api/v1/pools", headers={"Authorization": f"Bearer {word}"}).json() == {
        "pools": []
    }


def test_changes_are_on_record_with_who_made_them(client: TestClient) -> None:
    sam = people.sign_in(client, "sam@example.org", Role.STAFF)
    people.post(client, "/pools", **RULE)
    people.post(client, "/pools/goals/partners", email="pia@partner.example")
    people.post(client, "/pools/goals/hooks", **HOOK)
    people.post(client, "/pools/goals/close")
    with reading() as session:
        pool = session.query(Pool).one()
        found = session.query(Event).filter(Event.actor == sam).order_by(Event.at_ms).all()
        assert pools.may_change(pool_factories.visitor("sam@example.org"), pool)
    kinds = [one.kind for one in found if not one.kind.startswith("account")]
    assert kinds == ["pool.saved", "partner.invited", "hook.made", "pool.closed"]


def test_a_pool_saved_as_it_was_shown_stays_to_the_millisecond(
    client: TestClient, goals: dict[str, str]
) -> None:
    window = {"from_ms": 1_795_000_123_456, "until_ms": 1_795_003_723_456, "embargo_ms": 1_800_500}
    with unit_of_work() as session:
        row = session.query(Pool).one()
        row.from_ms, row.until_ms, row.embargo_ms = window.values()
    signed_in(client, "ada")
    form = client.get("/pools/goals/rule").text
    shown = {
        name: form.split(f'name="{name}"')[1].split('value="')[1].split('"')[0]
        for name in ("begins", "ends", "embargo_min")
    }
    assert shown == {
        "begins": "2026-11-18T11:08",
        "ends": "2026-11-18T12:08",
        "embargo_min": "31",
    }, "in UTC; no embargo reads shorter than it is"
    assert "On sale since, UTC" in form
    assert people.post(client, "/pools/goals/rule", **{**RULE, **shown}).status_code == 303
    with reading() as session:
        row = session.query(Pool).one()
        kept = {name: getattr(row, name) for name in window}
    assert kept == window
    changed = {**shown, "begins": "2026-11-18T11:30", "embargo_min": "90", "ends": ""}
    people.post(client, "/pools/goals/rule", **{**RULE, **changed})
    with reading() as session:
        row = session.query(Pool).one()
        assert (row.from_ms, row.until_ms) == (1_795_001_400_000, None)
        assert row.embargo_ms == 90 * 60_000
