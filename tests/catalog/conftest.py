"""The application on a fresh database, asked the way a browser asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catalog.app import create_app


@pytest.fixture
def client(database: Path) -> Iterator[TestClient]:
    app = create_app()
    with TestClient(
        app, base_url="http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False
    ) as made:
        yield made
