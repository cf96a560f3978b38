"""The operator's way in: a link on the command line, printed where only the operator reads."""

import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from models.account import Account
from models.base import reading
from tests.commands import reelyard, running, until
from tests.servers import free_port

LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter/[\w-]{43}")


def accounts() -> dict[str, list[str]]:
    with reading() as session:
        return {one.email: one.roles for one in session.scalars(select(Account))}


def test_without_an_address_it_is_the_operators(home: Path) -> None:
    made = reelyard("sign-in")
    assert made.returncode == 0
    assert LINK.fullmatch(made.stdout.strip())
    assert accounts() == {"operator@reelyard.local": ["staff"]}
    again = reelyard("sign-in").stdout
    assert again != made.stdout
    assert len(accounts()) == 1


def test_for_somebody_with_roles(home: Path) -> None:
    made = reelyard("sign-in", "Ada@Example.org", "--role", "creator", "--role", "licensee")
    assert LINK.fullmatch(made.stdout.strip())
    assert accounts() == {"ada@example.org": ["creator", "licensee"]}
    reelyard("sign-in", "ada@example.org", "--role", "partner")
    assert accounts() == {"ada@example.org": ["creator", "licensee", "partner"]}


@pytest.mark.parametrize("arguments", [["no address"], ["a@example.org", "--role", "king"]])
def test_what_can_not_be_is_one_sentence(home: Path, arguments: list[str]) -> None:
    refused = reelyard("sign-in", *arguments)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(("command", "form"), [("up", "text"), ("serve", "json")])
def test_a_server_prints_a_link_that_works(
    home: Path, tmp_path: Path, command: str, form: str
) -> None:
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    with running(command, "--port", str(port), log=log, REELYARD_LOG=form):
        until(lambda: _answers(url), 30, "the catalogue answers")
        found = LINK.search(log.read_text())
        if form == "json":
            assert found is None, "programs keep such logs"
            return
        assert found
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(found[0])
            assert "operator@reelyard.local" in page.text
            token = re.search(r'name="form_token" value="(\w+)"', page.text)
            assert token
            browser.post(found[0], data={"form_token": token[1]})
            assert browser.get(f"{url}/staff").status_code == 200
    assert found[0].split("/")[-1] not in log.read_text().replace(found[0], "", 1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
