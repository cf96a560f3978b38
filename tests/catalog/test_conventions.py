"""What holds for every door: keys that make a change once, tags, pages, problems, limits."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel, Field
from sqlalchemy import func, select, update
from starlette.datastructures import Headers

from catalog import limits, problems
from catalog.api import etags, idempotency
from catalog.app import create_app
from catalog.errors import Refusal, ScopeNeeded, TooMany
from catalog.web.visitors import Asking
from models.account import Answered
from models.base import now_ms, reading, unit_of_work
from models.creator import Creator, creator_of
from models.event import Event, record
from models.storage import StoreDown
from tests import factories, people
from tests.both import BOTH, database_of, server_of

KEY = {"Idempotency-Key": "0b9d9f6e-6a1c-4a53-9a6f-4b6b0f7f0c55"}
WISHES = "/api/v1/wishes"
may_go_on = threading.Event()


class Wish(BaseModel):
    name: str = Field(max_length=20)


class Made(BaseModel):
    name: str
    number: int


def wish(visitor: Asking, wanted: Wish, response: Response) -> Made:
    """A change as others are made: one transaction, some refusals, some faults."""
    if wanted.name == "slow":
        assert may_go_on.wait(10)
    if wanted.name == "taken":
        raise Refusal("Somebody has it.", code="taken", next_free_ms=5)
    with unit_of_work(visitor.actor) as session:
        record(session, "wish", wanted.name)
        number = session.scalar(select(func.count()).where(Event.kind == "wish")) or 0
    if wanted.name == "fault":
        raise ValueError("after the change was made")
    response.headers["Location"] = f"{WISHES}/{number}"
    return Made(name=wanted.name, number=number)


def creator(session_id: str) -> Made:
    with reading() as session:
        row = session.scalars(select(Creator).filter_by(slug=session_id)).one()
    return Made(name=row.name, number=len(row.name))


def renamed(request: Request, slug: str, wanted: Wish) -> Made:
    with unit_of_work() as session:
        row = session.scalars(select(Creator).filter_by(slug=slug).with_for_update()).one()
        etags.must_match(request, Made(name=row.name, number=len(row.name)))
        row.name = wanted.name
        return Made(name=row.name, number=len(row.name))


def failing(how: str) -> None:
    raise {
        "scope": ScopeNeeded("It needs the scope quotes:write."),
        "often": TooMany("Ten times a minute is the most.", retry_s=42),
        "store": StoreDown("no answer"),
        "fault": ValueError("at /secret/place with password hunter2"),
    }[how]


@pytest.fixture
def app(database: Path) -> FastAPI:
    return with_wishes()


def with_wishes() -> FastAPI:
    made = create_app()
    made.add_api_route(WISHES, wish, methods=["POST"], status_code=201)
    made.add_api_route("/api/v1/creators/{session_id}", creator, methods=["GET"])
    made.add_api_route("/api/v1/creators/{slug}", renamed, methods=["PATCH"])
    made.add_api_route("/api/v1/failing/{how}", failing, methods=["GET"])
    return made


def opened(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture
def ann(app: FastAPI) -> TestClient:
    client = opened(app)
    people.sign_in(client, "ann@example.org")
    return client


def wishes() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).where(Event.kind == "wish")) or 0


def test_a_change_that_is_sent_twice_with_one_key_is_made_once(ann: TestClient) -> None:
    first = ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    again = ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"] == f"{WISHES}/1"
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert wishes() == 1


def test_a_key_may_stand_in_quotes_as_structured_fields_have_it(ann: TestClient) -> None:
    ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    quoted = {name: f'"{key}"' for name, key in KEY.items()}
    assert ann.post(WISHES, json={"name": "rain"}, headers=quoted).status_code == 201
    assert wishes() == 1


def test_without_a_key_or_with_another_it_is_another_change(ann: TestClient) -> None:
    ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    ann.post(WISHES, json={"name": "rain"})
    ann.post(WISHES, json={"name": "rain"}, headers={"Idempotency-Key": "another-key-of-ann"})
    assert wishes() == 3


@pytest.mark.parametrize("changed", [{"json": {"name": "sun"}}, {"params": {"x": "1"}}])
def test_the_same_key_with_another_request_is_refused(
    ann: TestClient, changed: dict[str, Any]
) -> None:
    ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    answer = ann.post(WISHES, headers=KEY, **{"json": {"name": "rain"}, **changed})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert wishes() == 1


def test_the_same_key_of_somebody_else_is_another_key(app: FastAPI, ann: TestClient) -> None:
    ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    ben = opened(app)
    people.sign_in(ben, "ben@example.org")
    answer = ben.post(WISHES, json={"name": "rain"}, headers=KEY)
    assert answer.json()["number"] == 2
    assert "idempotency-replayed" not in answer.headers


def test_a_refusal_changed_nothing_so_the_key_may_ask_again(ann: TestClient) -> None:
    for _ in range(2):
        answer = ann.post(WISHES, json={"name": "taken"}, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (409, "taken")
        assert "idempotency-replayed" not in answer.headers
    assert ann.post(WISHES, json={"name": 1}, headers=KEY).status_code == 422
    assert ann.post(WISHES, json={"name": "rain"}, headers=KEY).status_code == 201


def test_what_failed_half_way_is_not_done_again_by_itself(ann: TestClient) -> None:
    assert ann.post(WISHES, json={"name": "fault"}, headers=KEY).status_code == 500
    answer = ann.post(WISHES, json={"name": "fault"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "idempotency_key_failed")
    assert wishes() == 1


@pytest.mark.parametrize("key", ["short", "x" * 201, "with a space in it ok", "\u00e9" * 20, ""])
def test_a_key_that_is_none_is_refused(ann: TestClient, key: str) -> None:
    sent = {"Idempotency-Key": key.encode()}
    answer = ann.post(WISHES, json={"name": "rain"}, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_unreadable")
    assert wishes() == 0


def test_a_key_of_nobody_is_refused_for_another_could_read_the_answer(app: FastAPI) -> None:
    assert opened(app).post(WISHES, json={"name": "rain"}, headers=KEY).status_code == 400
    assert wishes() == 0


def test_the_kept_answer_is_unreadable_without_its_key(ann: TestClient) -> None:
    ann.post(WISHES, json={"name": "secret word"}, headers=KEY)
    with reading() as session:
        row = session.scalars(select(Answered)).one()
    assert "secret" not in row.body
    assert KEY["Idempotency-Key"] not in (row.key, row.body)


def test_a_key_is_forgotten_after_a_day(ann: TestClient) -> None:
    ann.post(WISHES, json={"name": "rain"}, headers=KEY)
    idempotency.collect()
    assert ann.post(WISHES, json={"name": "rain"}, headers=KEY).json()["number"] == 1
    with unit_of_work() as session:
        session.execute(update(Answered).values(created_ms=now_ms() - idempotency.KEPT_MS - 1))
    idempotency.collect()
    with reading() as session:
        assert session.scalars(select(Answered)).all() == []
    assert ann.post(WISHES, json={"name": "rain"}, headers=KEY).json()["number"] == 2


@pytest.fixture(scope="module", params=BOTH)
def kind(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    with server_of(request.param) as server:
        yield request.param, server


def test_many_at_once_with_one_key_make_one_change(kind: tuple[str, str], home: Path) -> None:
    with database_of(*kind, home):
        app = with_wishes()
        account_id = people.account("ann@example.org")
        may_go_on.clear()

        def ask(name: str) -> int:
            client = opened(app)
            people.sign_in(client, "ann@example.org")
            return client.post(WISHES, json={"name": name}, headers=KEY).status_code

        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(ask, "slow") for _ in range(8)]
            refused = [one.result() for one in _first(asked, 7)]
            assert refused == [409] * 7
            assert ask("other") == 422
            may_go_on.set()
            codes = sorted(one.result() for one in asked)
        assert codes == [201, *[409] * 7]
        assert wishes() == 1
        assert ask("slow") == 201
        assert wishes() == 1
        assert account_id


def _first(asked: list[Any], count: int) -> list[Any]:
    """Those that end while one of them still waits."""
    from concurrent.futures import as_completed

    done = as_completed(asked, timeout=30)
    return [next(done) for _ in range(count)]


def test_who_has_the_answer_is_told_that_nothing_is_new(client: TestClient) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session)
    for path in ("/api/v1/listings", f"/api/v1/listings/{listing.id}", "/docs", "/robots.txt"):
        first = client.get(path)
        tag = first.headers["etag"]
        assert tag.startswith('"')
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), (path, known)
            assert again.headers["etag"].replace("-gzip", "") == tag.replace("-gzip", "")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    with unit_of_work() as session:
        factories.listing(session)
    tag = first.headers["etag"]
    changed = client.get("/api/v1/listings", headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_packed_bytes_have_a_tag_of_their_own(client: TestClient) -> None:
    packed = client.get("/docs", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    plain = client.get("/docs", headers={"Accept-Encoding": "identity"}).headers["etag"]
    assert packed == plain[:-1] + '-gzip"'


def test_a_change_names_the_state_that_it_was_made_for(app: FastAPI) -> None:
    client = opened(app)
    with unit_of_work() as session:
        creator_of(session, "ada")
    path = "/api/v1/creators/ada"
    tag = client.get(path).headers["etag"]
    done = client.patch(path, json={"name": "Ada L."}, headers={"If-Match": tag})
    assert done.status_code == 200
    late = client.patch(path, json={"name": "Eve"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (412, "changed")
    assert client.get(path).json()["name"] == "Ada L."
    for anyway in ({}, {"If-Match": "*"}):
        assert client.patch(path, json={"name": "Ada"}, headers=anyway).status_code == 200


@given(some.lists(some.binary(max_size=9).map(etags.tag_of), max_size=5), some.binary(max_size=9))
def test_a_tag_is_found_in_any_list_of_tags(others: list[str], body: bytes) -> None:
    tag = etags.tag_of(body)
    listed = ", ".join([*others, f"W/{tag}"])
    assert etags.seen(Headers({"if-none-match": listed}), tag)
    assert etags.seen(Headers({"if-none-match": ", ".join(others)}), tag) == (tag in others)


def test_pages_lead_to_the_next_by_a_link(client: TestClient) -> None:
    with unit_of_work() as session:
        for i in range(5):
            factories.listing(session, visible_from_ms=1_000 + i, title=f'Clip "{i}" next_cursor')
    seen: list[str] = []
    path = "/api/v1/listings?limit=2"
    while path:
        answer = client.get(path)
        seen += [one["id"] for one in answer.json()["listings"]]
        link = answer.headers.get("link", "")
        assert bool(link) == bool(answer.json()["next_cursor"])
        assert not link or link.endswith('>; rel="next"')
        path = link[1:].split(">")[0].removeprefix("http://127.0.0.1:8000")
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    ("how", "status", "name", "header"),
    [
        ("scope", 403, "scope-needed", ("www-authenticate", "insufficient_scope")),
        ("often", 429, "too-often", ("retry-after", "42")),
        ("store", 503, "unreachable", ("retry-after", "10")),
        ("fault", 500, "failed", ("content-type", "application/problem+json")),
    ],
)
def test_each_problem_says_what_it_is(
    app: FastAPI, how: str, status: int, name: str, header: tuple[str, str]
) -> None:
    client = opened(app)
    answer = client.get(f"/api/v1/failing/{how}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"http://127.0.0.1:8000/problems/{name}"
    assert answer.json()["status"] == status
    assert header[1] in answer.headers[header[0]]
    assert "hunter2" not in answer.text
    page = client.get(f"/problems/{name}")
    assert page.status_code == 200
    assert problems.KINDS[name].title.replace("'", "&#39;") in page.text


def test_a_refusal_tells_its_code_and_its_facts(ann: TestClient) -> None:
    problem = ann.post(WISHES, json={"name": "taken"}).json()
    assert (problem["code"], problem["next_free_ms"]) == ("taken", 5)
    assert problem["type"].endswith("/problems/refused")


def test_who_sends_no_token_is_told_how(client: TestClient) -> None:
    asked = client.get("/api/v1/recordings")
    assert (asked.status_code, asked.headers["www-authenticate"]) == (
        401,
        'Bearer realm="Reelyard"',
    )
    wrong = client.get("/api/v1/recordings", headers={"Authorization": "Bearer rly_wrong"})
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_every_problem_has_a_page_and_no_other_has(client: TestClient) -> None:
    index = client.get("/problems").text
    for name in problems.KINDS:
        assert f'href="/problems/{name}"' in index
        assert client.get(f"/problems/{name}").status_code == 200
    assert client.get("/problems/nope").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"<a/>", "headers": {"Content-Type": "application/xml"}}, 415),
        ({"data": {"name": "rain"}}, 415),
        ({"json": {"name": "x" * limits.MOST_BYTES}}, 413),
        ({"json": {}, "headers": {"X-Long": "x" * limits.HEADER_BYTES}}, 431),
        ({"json": {}, "headers": {f"X-{i}": "x" for i in range(limits.HEADERS)}}, 431),
        ({"json": {}, "params": {"q": "x" * limits.ADDRESS_BYTES}}, 414),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
    ],
)
def test_what_is_beyond_the_limits_is_a_problem_too(
    ann: TestClient, asked: dict[str, Any], status: int
) -> None:
    answer = ann.post(WISHES, **asked)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(problems.BY_STATUS[status].name)
    assert "nosniff" in answer.headers["x-content-type-options"]
    assert wishes() == 0


def test_a_body_that_tells_no_length_is_counted(ann: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(11):
            yield b"x" * 100_000

    kind = {"Content-Type": "application/json"}
    for headers in (kind, {**kind, **KEY}):
        answer = ann.post(WISHES, content=pieces(), headers=headers)
        assert (answer.status_code, answer.json()["most_bytes"]) == (413, limits.MOST_BYTES)
    assert wishes() == 0
