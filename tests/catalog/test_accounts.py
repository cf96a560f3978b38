"""Getting in and out: links that work once, passwords, cookies; and nothing told to strangers."""

import re
import statistics
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from catalog import accounts, auth, passwords
from catalog.web import links, visitors
from models.account import Account, MagicLink, Role, SignIn
from models.base import reading, unit_of_work
from models.event import Event
from models.mail import Mail
from models.settings import settings
from tests import factories, people

EMAIL = "lena@example.org"
PASSWORD = "correct horse 7"


def link_for(email: str = EMAIL, back: str = "/") -> str:
    with unit_of_work() as session:
        return links.magic(session, email, back).removeprefix(settings().base_url)


def with_password(email: str = EMAIL) -> str:
    account_id = people.account(email, Role.LICENSEE)
    with unit_of_work() as session:
        session.get_one(Account, account_id).password_hash = passwords.made(PASSWORD)
    return account_id


def by_password(client: TestClient, email: str, password: str, **fields: str) -> Response:
    client.get("/sign-in")
    return people.post(client, "/sign-in", email=email, password=password, **fields)


def signed_in(client: TestClient) -> bool:
    return client.get("/account").status_code == 200


def test_a_link_is_sent_and_signs_in_once(client: TestClient) -> None:
    client.get("/sign-in?back=/licenses")
    sent = people.post(client, "/sign-in/link", email=" Lena@Example.org", back="/licenses")
    assert sent.status_code == 200
    assert EMAIL in sent.text
    with reading() as session:
        mail = session.scalars(select(Mail)).one()
        assert session.scalars(select(Account)).all() == [], (
            "who asks for a link has no account yet"
        )
    assert mail.to == EMAIL
    path = re.search(r"http://127.0.0.1:8000(/enter/\S+)", mail.text)
    assert path
    page = client.get(path[1])
    assert page.status_code == 200
    assert not signed_in(client), "to look at it changes nothing: programs look into mails"
    entered = people.post(client, path[1])
    assert (entered.status_code, entered.headers["location"]) == (303, "/licenses")
    assert signed_in(client)
    with reading() as session:
        account = session.scalars(select(Account)).one()
        assert account.verified_ms
        assert account.roles == ["licensee"]
    assert people.post(client, path[1]).status_code == 410
    assert client.get(path[1]).status_code == 410


def test_a_link_lives_15_minutes(client: TestClient) -> None:
    path = link_for()
    with unit_of_work() as session:
        link = session.scalars(select(MagicLink)).one()
        assert 0 <= link.created_ms + accounts.LINK_MS - link.expires_ms < 1_000
        link.expires_ms = link.created_ms - 1
    assert client.get(path).status_code == 410
    client.get("/sign-in")
    assert "older than 15 minutes" in people.post(client, path).text
    assert client.get("/enter/" + "x" * 43).status_code == 410


def test_only_hashes_of_links_and_sign_ins_are_kept(client: TestClient, database: Path) -> None:
    path = link_for()
    client.get(path)
    people.post(client, path)
    words = path.split("/")[-1], client.cookies[visitors.SIGN_IN]
    with reading() as session:
        kept = [one.token_sha256 for one in session.scalars(select(MagicLink))]
        kept += [one.token_sha256 for one in session.scalars(select(SignIn))]
    assert kept == [auth.sha256(word) for word in words]
    stored = b"".join(one.read_bytes() for one in database.glob("reelyard.db*"))
    for word in words:
        assert word.encode() not in stored


def test_a_password_signs_in(client: TestClient) -> None:
    with_password()
    answer = by_password(client, "Lena@example.org ", PASSWORD, back="/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert signed_in(client)


def test_a_wrong_password_an_unknown_address_and_no_password_are_told_alike(
    client: TestClient,
) -> None:
    with_password()
    people.account("link-only@example.org")
    told = [
        by_password(client, email, password)
        for email, password in (
            (EMAIL, "another one"),
            ("nobody@example.org", PASSWORD),
            ("link-only@example.org", ""),
            ("link-only@example.org", "nobody has this one"),
            ("no address", PASSWORD),
        )
    ]
    assert {one.status_code for one in told} == {401}
    bodies = {re.sub(r'value="[^"]*"', "", one.text) for one in told}
    assert len(bodies) == 1
    assert "fit together" in told[0].text
    assert not signed_in(client)


def test_an_unknown_address_costs_the_same_work(client: TestClient) -> None:
    with_password()
    spent: dict[str, list[float]] = {EMAIL: [], "nobody@example.org": []}
    with reading() as session:
        accounts.by_password(session, "warm@example.org", "up")
        for email in [*spent] * 4:
            begun = time.perf_counter()
            accounts.by_password(session, email, "a wrong one")
            spent[email].append(time.perf_counter() - begun)
    known, unknown = (statistics.median(one) for one in spent.values())
    assert 0.4 < known / unknown < 2.5, (known, unknown)


def test_a_link_is_sent_to_known_and_unknown_alike(client: TestClient) -> None:
    people.account(EMAIL)
    client.get("/sign-in")
    answers = [
        people.post(client, "/sign-in/link", email=one) for one in (EMAIL, "nobody@example.org")
    ]
    bodies = {one.text.replace(EMAIL, "x").replace("nobody@example.org", "x") for one in answers}
    assert len(bodies) == 1
    with reading() as session:
        assert len(session.scalars(select(Mail)).all()) == 2


@pytest.mark.parametrize(
    "email",
    ["", "lena", "a@b", "a@b@c.org", "a b@example.org", "a@example.org, b@example.org",
     "a@example.org\nBcc: b@example.org", "x" * 250 + "@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_told_and_sends_nothing(client: TestClient, email: str) -> None:
    client.get("/sign-in")
    answer = people.post(client, "/sign-in/link", email=email)
    assert answer.status_code in (400, 422)
    with reading() as session:
        assert session.scalars(select(Mail)).all() == []


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/licenses?x=1", "/licenses?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.example", "/"),
        ("///evil.example", "/"),
        ("/ok\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_back_leads_nowhere_but_here(client: TestClient, back: str, leads: str) -> None:
    with_password()
    assert by_password(client, EMAIL, PASSWORD, back=back).headers["location"] == leads
    again = client.get("/sign-in", params={"back": back})
    assert again.headers["location"] == leads, "for somebody who is signed in already"
    path = link_for(back=back)
    client.get(path)
    assert people.post(client, path).headers["location"] == leads


def test_signing_in_gives_a_new_word_and_ends_the_old_one(client: TestClient) -> None:
    with_password()
    client.cookies.set(visitors.SIGN_IN, "planted", domain=people.HOST)
    client.cookies.set(visitors.GUEST, "planted too", domain=people.HOST)
    by_password(client, EMAIL, PASSWORD)
    first = client.cookies[visitors.SIGN_IN]
    assert first != "planted"
    assert visitors.GUEST not in client.cookies, "what was planted is not kept either"
    people.post(client, "/sign-in", email=EMAIL, password=PASSWORD)
    assert client.cookies[visitors.SIGN_IN] != first
    with reading() as session:
        assert len(session.scalars(select(SignIn)).all()) == 1


@pytest.mark.parametrize(("url", "secure"), [("", False), ("https://clips.example.org", True)])
def test_the_cookies_are_out_of_reach(
    client: TestClient, url: str, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password()
    monkeypatch.setenv("REELYARD_PUBLIC_URL", url)
    settings.cache_clear()
    client.get("/sign-in")
    word = client.cookies.get(visitors.GUEST) or "x"  # a browser on http keeps no Secure cookie
    client.cookies.set(visitors.GUEST, word, domain=people.HOST)
    answer = people.post(client, "/sign-in", email=EMAIL, password=PASSWORD)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "sign_in=" in one)
    for fact in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert fact in cookie
    assert ("Secure" in cookie) is secure
    assert "Domain" not in cookie


def test_a_form_that_this_browser_was_not_given_signs_nobody_in(client: TestClient) -> None:
    with_password()
    fields = {"email": EMAIL, "password": PASSWORD}
    assert client.post("/sign-in", data=fields).status_code == 400, "no cookie at all"
    client.get("/sign-in")
    for token in ("", "0" * 64, "ä"):
        answer = client.post("/sign-in", data={**fields, "form_token": token})
        assert answer.status_code == 400
    foreign = {"Origin": "https://evil.example"}
    assert people.post(client, "/sign-in", foreign, **fields).status_code == 400
    path = link_for()
    assert client.post(path).status_code == 400
    assert people.post(client, path, foreign).status_code == 400
    assert not signed_in(client)
    assert people.post(client, path).status_code == 303, "the link was not used up"


def test_a_page_that_lets_in_is_not_told_to_others_nor_kept(client: TestClient) -> None:
    page = client.get(link_for())
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


def test_the_word_of_a_link_is_in_no_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = link_for()
    monkeypatch.setattr("catalog.accounts.look", lambda *_: 1 / 0)
    assert client.get(path).status_code == 500
    told = "".join(capfd.readouterr())
    assert "/enter/" in told
    assert path not in told


def test_signing_out_ends_it_in_the_house_too(client: TestClient) -> None:
    people.sign_in(client, EMAIL)
    word = client.cookies[visitors.SIGN_IN]
    assert people.post(client, "/sign-out").status_code == 303
    assert visitors.SIGN_IN not in client.cookies
    client.cookies.set(visitors.SIGN_IN, word, domain=people.HOST)
    assert not signed_in(client), "nor does the old cookie open anything"


def test_a_new_password_signs_other_browsers_out(client: TestClient) -> None:
    people.sign_in(client, EMAIL)
    other = client.cookies[visitors.SIGN_IN]
    people.sign_in(client, EMAIL)
    answer = people.post(client, "/account/password", wanted=PASSWORD)
    assert answer.headers["location"] == "/account?done=password"
    assert signed_in(client)
    mine = client.cookies[visitors.SIGN_IN]
    client.cookies.set(visitors.SIGN_IN, other, domain=people.HOST)
    assert not signed_in(client)
    client.cookies.set(visitors.SIGN_IN, mine, domain=people.HOST)
    for current, wanted, says in (
        ("a wrong one", "another horse 8", "The current password is another one."),
        (PASSWORD, "short", "A password has 10 to 200 characters."),
        (PASSWORD, "aaaaaaaaaaaa", "easy to guess"),
        (PASSWORD, EMAIL, "easy to guess"),
    ):
        told = people.post(client, "/account/password", current=current, wanted=wanted)
        assert told.status_code in (400, 409)
        assert says in told.text
        assert wanted not in told.text or wanted == EMAIL
    done = people.post(client, "/account/password", current=PASSWORD, wanted="another horse 8")
    assert done.status_code == 303


def test_a_hash_with_older_parameters_is_made_anew(client: TestClient) -> None:
    account_id = people.account(EMAIL)
    old = PasswordHasher(time_cost=1, memory_cost=8_192).hash(PASSWORD)
    with unit_of_work() as session:
        session.get_one(Account, account_id).password_hash = old
    assert by_password(client, EMAIL, PASSWORD).status_code == 303
    with reading() as session:
        kept = session.get_one(Account, account_id).password_hash
    assert kept != old
    assert kept.startswith("$argon2id$")
    assert passwords.fits(kept, PASSWORD)


def test_a_closed_account_is_out(client: TestClient) -> None:
    account_id = with_password()
    people.sign_in(client, EMAIL)
    with unit_of_work() as session:
        session.get_one(Account, account_id).closed_ms = 1
    assert not signed_in(client)
    assert by_password(client, EMAIL, PASSWORD).status_code == 401
    path = link_for()
    client.get(path)
    assert "was closed" in people.post(client, path).text


def test_each_sign_in_is_on_record_and_can_be_ended(client: TestClient) -> None:
    account_id = with_password()
    firefox = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0"}
    client.get("/sign-in")
    people.post(client, "/sign-in", firefox, email=EMAIL, password=PASSWORD)
    assert "Firefox on Linux" in client.get("/account").text
    people.sign_in(client, EMAIL)
    people.post(client, "/account/sign-out-others")
    with reading() as session:
        assert len(session.scalars(select(SignIn)).all()) == 1
        told = session.scalars(select(Event).where(Event.subject == account_id)).all()
    assert {one.kind for one in told} == {"account.signed_in", "account.signed_out"}


def test_a_name_is_words_and_stays_words(client: TestClient) -> None:
    people.sign_in(client, EMAIL)
    people.post(client, "/account/name", name=' <script>alert(1)</script> "Lena" ')
    page = client.get("/account").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;Lena&#34;" in page
    assert people.post(client, "/account/name", name="x" * 201).status_code == 400


def test_the_head_of_a_page_leads_where_one_may_go(client: TestClient) -> None:
    def places() -> set[str]:
        head = client.get("/").text.split("</header>")[0]
        return set(re.findall(r'href="(/[a-z-]+)"', head))

    nobody = {"/cart", "/sign-in"}
    assert places() == nobody
    people.sign_in(client, EMAIL, Role.LICENSEE)
    own = {"/orders", "/lightboxes", "/searches", "/account"}
    licensee = {"/cart", "/quotes", "/licenses", *own}
    assert places() == licensee
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    desk = {"/recordings", "/pools", "/prices", "/earnings", "/members", "/offers", "/figures"}
    assert places() == licensee | desk
    for path in places():
        assert client.get(path, follow_redirects=True).status_code == 200, path
    people.sign_in(client, "pia@example.org", Role.PARTNER)
    assert places() == licensee | {"/pools"}
    people.sign_in(client, "sam@example.org", Role.STAFF)
    assert places() == licensee | desk | {"/staff"}


def test_a_guest_has_no_cookie_until_it_is_needed(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.listing(session)
    for path in ("/", "/docs", "/nope", "/healthz"):
        assert "set-cookie" not in client.get(path).headers, path
