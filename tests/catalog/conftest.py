"""The application on a fresh database, asked the way a browser asks it."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from catalog.app import create_app
from catalog.hosts import names_of
from models.account import Role
from models.settings import settings
from tests import people
from tests.both import BOTH, database_of, server_of


@functools.cache
def application(hosts: frozenset[str]) -> FastAPI:
    """With the host names that the settings give, all that an application knows of them. To find
    out what its two hundred routes take costs more than most tests.
    """
    return create_app()


@pytest.fixture
def client(database: Path) -> Iterator[TestClient]:
    app = application(frozenset(names_of(settings())))
    app.middleware_stack = None  # built anew: the pages that it kept were another test's
    with TestClient(
        app, base_url="http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False
    ) as made:
        yield made


@pytest.fixture
def owner(client: TestClient) -> str:
    """The creator whose recordings the factories make; the client is signed in as her."""
    return people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")


@pytest.fixture(scope="module", params=BOTH)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Each test of a module that asks for it runs once on either database: its kind and address."""
    with server_of(request.param) as url:
        yield request.param, url


@pytest.fixture
def either(server: tuple[str, str], home: Path) -> Iterator[None]:
    kind, url = server
    with database_of(kind, url, home):
        yield
