"""The application on a fresh database, asked the way a browser asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catalog.app import create_app
from models.account import Role
from tests import people


@pytest.fixture
def client(database: Path) -> Iterator[TestClient]:
    app = create_app()
    with TestClient(
        app, base_url="http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False
    ) as made:
        yield made


@pytest.fixture
def owner(client: TestClient) -> str:
    """The creator whose recordings the factories make; the client is signed in as her."""
    return people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
