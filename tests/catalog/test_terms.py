"""License terms: what is published never changes; the page says what the text says."""

import dataclasses
import hashlib

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import pricing, terms
from catalog.uses import ASKED, MEDIA
from models.base import reading, unit_of_work
from models.terms import PriceRule, Terms
from tests import rights_factories as rights
from workers.start import publish_terms

PUBLISHED = {
    ("comp", 1): "c551635563771996",
    ("personal", 1): "fd9014397608d78d",
    ("social", 1): "e0f71fff77f13317",
    ("editorial", 1): "89543b8da393db52",
    ("standard", 1): "c52b45ec38d75b7e",
    ("extended", 1): "e0e4a387a750d6ad",
    ("exclusive", 1): "738e8d25f6bb81ff",
}
"""A text that was published stays as it was. A change is a new version, and a new line here."""


def fingerprint(one: terms.Written) -> str:
    said = (one.title, one.line, one.summary, one.text, one.fields.model_dump_json())
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def test_no_published_text_was_changed() -> None:
    now = {(one.kind, one.version): fingerprint(one) for one in terms.written()}
    assert now.items() <= PUBLISHED.items(), "give what changed the next version, and note it here"


@pytest.mark.parametrize("one", terms.written(), ids=lambda one: one.kind)
def test_each_kind_is_complete(one: terms.Written) -> None:
    titles = [title.partition(" ")[2] for title, _ in terms.sections(one.text)]
    for needed in (
        "Grant",
        "Permitted uses",
        "Restrictions",
        "Machine learning",
        "Attribution",
        "People and places in the picture",
        "Warranty and limits",
        "Termination",
        "Refund",
    ):
        assert titles.count(needed) == 1, needed
    assert all(words for _, words in terms.sections(one.text))
    assert set(one.fields.media) <= set(MEDIA)
    assert set(one.fields.asks) <= set(ASKED)
    assert not one.fields.ai_training
    assert 2 <= len(one.summary) <= 4
    assert all(sentence.endswith(".") for sentence in one.summary)
    assert one.fields.exclusive == (one.kind == "exclusive")
    assert one.fields.release_needed == one.fields.commercial


@pytest.mark.usefixtures("database")
def test_a_start_publishes_once() -> None:
    publish_terms()
    publish_terms()
    with reading() as session:
        assert [row.kind for row in terms.current(session)] == list(terms.KINDS)
        assert len(session.scalars(select(Terms)).all()) == len(terms.KINDS)
        assert len(session.scalars(select(PriceRule)).all()) == len(terms.KINDS)


@pytest.mark.usefixtures("database")
def test_a_new_version_retires_the_old_one_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_terms()
    old = terms.written()
    new = [dataclasses.replace(one, version=2, text=one.text + "!") for one in old]
    monkeypatch.setattr(terms, "written", lambda: (*old[1:], new[0]))
    publish_terms()
    with reading() as session:
        first, second = (terms.of_kind(session, "comp", version) for version in (1, 2))
        assert (first.text, second.text) == (old[0].text, new[0].text)
        assert first.retired_ms
        assert not second.retired_ms
        assert terms.of_kind(session, "comp").version == 2
        assert len(terms.current(session)) == len(terms.KINDS)
    monkeypatch.setattr(terms, "written", lambda: old)  # the program went back to an older one
    publish_terms()
    with reading() as session:
        assert terms.of_kind(session, "comp").version == 2


@pytest.mark.usefixtures("database")
def test_a_changed_text_under_a_published_version_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_terms()
    changed = [dataclasses.replace(one, text=one.text + " And more.") for one in terms.written()]
    monkeypatch.setattr(terms, "written", lambda: changed)
    with pytest.raises(ValueError, match="next version"), unit_of_work() as session:
        terms.publish(session)


def test_the_pages_show_summary_and_text_side_by_side(client: TestClient) -> None:
    assert "No terms are published yet" in client.get("/terms").text
    publish_terms()
    listed = client.get("/terms").text
    for one in terms.written():
        assert f'href="/terms/{one.kind}"' in listed
        page = client.get(f"/terms/{one.kind}").text
        assert client.get(f"/terms/{one.kind}/1").text.count("<h3>") == page.count("<h3>")
        for sentence in one.summary:
            assert sentence.replace("'", "&#39;") in page
        assert page.count("<h3>") == len(terms.sections(one.text))
    api = client.get("/api/v1/terms").json()
    assert [one["kind"] for one in api] == list(terms.KINDS)
    assert client.get("/api/v1/terms/comp?version=1").json() == api[0]


def test_terms_that_are_not_there(client: TestClient) -> None:
    publish_terms()
    for path in ("/terms/nope", "/terms/comp/2", "/terms/comp/0", "/terms/%00"):
        assert client.get(path).status_code in (404, 422)


@pytest.mark.usefixtures("database")
def test_release_status_decides_what_may_be_commercial() -> None:
    with unit_of_work() as session:
        rights.publish(session)
        cleared, editorial = rights.listing(session), rights.listing(session, cleared=False)
        for one in terms.written():
            terms.fits(cleared, one.fields)
            if one.fields.commercial:
                with pytest.raises(terms.Refusal, match="editorial license"):
                    terms.fits(editorial, one.fields)
            else:
                terms.fits(editorial, one.fields)
        assert pricing.is_published(session)
