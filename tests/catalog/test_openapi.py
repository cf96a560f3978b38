"""The API keeps to its own document, whatever is sent: generated requests by three visitors."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from sqlalchemy import select

from catalog import tokens
from catalog.app import create_app
from models.account import Role
from models.analysis import Candidate
from models.base import unit_of_work
from models.clip import AssetKind
from models.license import License
from models.lightbox import Lightbox
from models.listing import Listing
from models.order import Order
from models.pool import Pool
from models.quote import Quote
from models.review import Review
from tests import factories, people

HOST = {"Host": "127.0.0.1"}
EXAMPLES = 4
NAMED = {
    "candidate_id": Candidate,
    "license_id": License,
    "lightbox_id": Lightbox,
    "listing_id": Listing,
    "order_id": Order,
    "pool_id": Pool,
    "quote_id": Quote,
    "review_id": Review,
}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def test_the_document_is_valid_openapi_3_1(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document).validate()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_described_for_people_and_programs(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(one.isidentifier() and one[0].islower() for one in ids)
    page = client.get("/docs").text
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"], path
        assert path in page
        assert {"400", "422", "429", "500", "503"} <= operation["responses"].keys()
        sent = [one.get("$ref", "").rsplit("/", 1)[-1] for one in operation["parameters"]]
        assert ("IdempotencyKey" in sent) == (method in ("post", "patch")), path
        assert ("IfNoneMatch" in sent) == (method == "get"), path
    assert {tag["description"] for tag in document["tags"]}.isdisjoint({""})


def test_who_may_ask_is_told(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    asked = {path: one["security"] for path, _, one in operations(document)}
    assert {} in asked["/api/v1/listings"]
    assert asked["/api/v1/recordings"] == [{"token": ["recordings:read"]}, {"browser": []}]
    for security in asked.values():
        for one in security:
            assert set(one.get("token", ())) <= tokens.SCOPES.keys()


@pytest.fixture
def known(client: TestClient) -> dict[str, str]:
    """Ids that exist, by the name that addresses and bodies have for them."""
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        recording = factories.recording(session)
        factories.candidate(session, recording)
        factories.analysis(session, recording, [{"score": 0.5}] * 30)
        for title in ("One", "Two", "Three"):
            clip = factories.clip(session, recording, title=title, tags=["goal"])
            factories.transcript(session, clip, "and it is in")
            factories.asset(session, clip, AssetKind.MASTER, secrets.token_bytes(9))
            factories.asset(session, clip, AssetKind.PREVIEW, secrets.token_bytes(9))
            factories.listing(session, clip)
    with unit_of_work() as session:
        found = {name: session.scalar(select(row.id).limit(1)) for name, row in NAMED.items()}
    ids = {name: key for name, key in found.items() if key}
    return {**ids, "recording_id": recording.id, "clip_id": clip.id, "kind": "standard"}


def token_of(email: str, *roles: Role) -> str:
    account_id = people.account(email, *roles)
    with unit_of_work() as session:
        return tokens.make(session, account_id, "trial", list(tokens.SCOPES), 7)[1]


@pytest.mark.parametrize("who", ["nobody", "licensee", "staff"])
def test_no_request_makes_the_server_fail(known: dict[str, str], who: str) -> None:
    headers = dict(HOST)
    if who != "nobody":
        role = Role.STAFF if who == "staff" else Role.LICENSEE
        headers["Authorization"] = f"Bearer {token_of(f'{who}@example.org', role)}"
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(), headers=HOST)
    failed: dict[str, str] = {}
    found = [one.ok() for one in schema.get_all_operations()]
    for operation in sorted(found, key=lambda one: one.path.endswith("/erase")):  # it ends it all
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            wrong = _tried(operation, mode, known, headers)
            if wrong:
                failed[f"{operation.label}, {mode.value}"] = wrong
    assert failed == {}


def _tried(
    operation: Any, mode: GenerationMode, known: dict[str, str], headers: dict[str, str]
) -> str:
    """What went wrong first; empty where nothing did."""

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=some.integers(0, 3))
    def ask(case: Any, real: int) -> None:
        if real:  # mostly of what exists
            _name(case.path_parameters, known)
            _name(case.body, known)
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:  # nothing in it can be wrong
        return ""
    except BaseExceptionGroup as group:
        return "; ".join(str(one)[:700] for one in group.exceptions)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:1500]
    return ""


def _name(held: Any, known: dict[str, str]) -> None:
    if isinstance(held, dict):
        for name in held.keys() & known.keys():
            held[name] = known[name]
        for value in held.values():
            _name(value, known)
    elif isinstance(held, list):
        for value in held:
            _name(value, known)
