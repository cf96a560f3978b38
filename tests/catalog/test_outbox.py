"""Staff's list of mails: found by reader and by state, in pages; one mail in each way to see it."""

import re

import pytest
from fastapi.testclient import TestClient

from catalog import mail
from catalog.paged import PAGE
from models.account import Role
from models.base import unit_of_work
from models.mail import Mail
from models.steps import LIGHT
from tests import people
from workers.flow import run_one

LENA, OTHER = "lena@example.org", "len_a@example.org"
LINK = "http://127.0.0.1:8000/enter/abc"


@pytest.fixture
def staff(client: TestClient) -> TestClient:
    people.sign_in(client, "sam@example.org", Role.STAFF)
    return client


def written(to: str = LENA, **values: object) -> Mail:
    with unit_of_work() as session:
        made = mail.write(session, to, "sign_in", link=LINK, until_ms=1)
        for name, value in values.items():
            setattr(made, name, value)
        return made


def listed(client: TestClient, query: str = "") -> list[str]:
    """Ids, as the page links them."""
    return re.findall(r'href="/outbox/(\w{32})"', client.get(f"/outbox{query}").text)


def test_of_many_it_shows_pages_that_keep_the_filter(staff: TestClient) -> None:
    for _ in range(PAGE + 2):
        written()
    other = written(OTHER)
    assert len(listed(staff)) == PAGE
    first = staff.get("/outbox?to=lena").text
    assert f"{PAGE + 2} mails to" in first
    assert f"1 to {PAGE}" in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    assert older[1] == f"/outbox?to=lena&amp;from={PAGE}"
    rest = staff.get(older[1].replace("&amp;", "&")).text
    assert f"{PAGE + 1} to {PAGE + 2}" in rest
    assert listed(staff, "?to=LEN_A") == [other.id], "a sign of LIKE is a sign of an address"
    assert "No mail is like that" in staff.get("/outbox?to=nobody").text


def test_by_what_became_of_them(staff: TestClient) -> None:
    sent = written()
    assert run_one(LIGHT)
    failed, waits = written(error="450 try later"), written(send_after_ms=1)
    for state, one in (("sent", sent), ("failed", failed), ("waiting", waits)):
        assert listed(staff, f"?state={state}") == [one.id]
    assert len(listed(staff, "?state=other")) == 3


def test_one_mail_as_text_as_its_reader_sees_it_and_its_head(staff: TestClient) -> None:
    one = written()
    assert "All headers" not in staff.get(f"/outbox/{one.id}").text, "it has none of its own yet"
    assert run_one(LIGHT)
    text = staff.get(f"/outbox/{one.id}").text
    assert f'<a href="{LINK}">' in text
    assert f"<dd>&lt;{one.id}@reelyard.local&gt;</dd>" in text
    assert "<iframe" not in text
    for way in ("html", "phone"):
        page = staff.get(f"/outbox/{one.id}?as={way}")
        assert f'src="/outbox/{one.id}/look?framed=1"' in page.text
        assert page.headers["cache-control"] == "no-store"
    assert "<iframe" not in staff.get(f"/outbox/{one.id}?as=other").text


def test_in_its_frame_a_mail_runs_and_loads_nothing(staff: TestClient) -> None:
    one = written()
    framed = staff.get(f"/outbox/{one.id}/look?framed=1")
    allowed = framed.headers["content-security-policy"]
    assert "default-src 'none'" in allowed
    assert "frame-ancestors 'self'" in allowed
    assert re.findall(r"allow-\S+", allowed) == ["allow-top-navigation-by-user-activation"]
    assert '<base target="_top">' in framed.text
    alone = staff.get(f"/outbox/{one.id}/look")
    assert "frame-ancestors 'none'" in alone.headers["content-security-policy"]
    assert "<base" not in alone.text
