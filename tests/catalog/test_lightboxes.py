"""Lightboxes: whoever keeps clips finds them again, shares them, and nobody else gets in."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from catalog import lightboxes, listings
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal, SignInNeeded
from models.base import reading, unit_of_work
from models.clip import AssetKind
from models.lightbox import Lightbox, LightboxItem, SavedSearch
from tests import factories, people

ADA = Visitor(guest="a" * 64)
EVE = Visitor(guest="e" * 64)


@pytest.mark.usefixtures("database")
class TestFunctions:
    def test_keeping_twice_is_once_and_taking_out_twice_is_once(self) -> None:
        with unit_of_work() as session:
            listing = factories.listing(session)
            box = lightboxes.keep(session, ADA, listing.clip_id, name="Goals")
            again = lightboxes.keep(session, ADA, listing.id, box.id)
            assert again.id == box.id
            assert len(lightboxes.show(session, ADA, box.id).listings) == 1
            for _ in range(2):
                lightboxes.take_out(session, ADA, box.id, listing.clip_id)
            assert lightboxes.show(session, ADA, box.id).listings == []

    def test_a_stranger_and_nobody_see_and_change_nothing(self) -> None:
        with unit_of_work() as session:
            listing = factories.listing(session)
            box = lightboxes.keep(session, ADA, listing.id)
            for other in (EVE, Visitor(), Visitor(account_id="0" * 32, guest=ADA.guest)):
                assert lightboxes.all_of(session, other) == []
                for change in (
                    lambda who: lightboxes.show(session, who, box.id),
                    lambda who: lightboxes.rename(session, who, box.id, "mine"),
                    lambda who: lightboxes.share(session, who, box.id),
                    lambda who: lightboxes.unshare(session, who, box.id),
                    lambda who: lightboxes.remove(session, who, box.id),
                    lambda who: lightboxes.take_out(session, who, box.id, listing.id),
                    lambda who: lightboxes.keep(session, who, listing.id, box.id),
                ):
                    with pytest.raises(NotFound):
                        change(other)
            with pytest.raises(BadRequest):
                lightboxes.make(session, Visitor(), "nobody's")

    def test_a_link_works_until_it_is_taken_back_for_good(self) -> None:
        with unit_of_work() as session:
            box = lightboxes.keep(session, ADA, factories.listing(session).id)
            with pytest.raises(NotFound):
                lightboxes.shared(session, "")
            word = lightboxes.share(session, ADA, box.id).share
            assert lightboxes.share(session, ADA, box.id).share == word
            session.flush()
            assert len(lightboxes.shared(session, word).listings) == 1
            lightboxes.unshare(session, ADA, box.id)
            session.flush()
            with pytest.raises(NotFound):
                lightboxes.shared(session, word)
            assert lightboxes.share(session, ADA, box.id).share != word

    def test_what_is_withdrawn_is_counted_and_not_shown(self) -> None:
        with unit_of_work() as session:
            kept, gone = factories.listing(session), factories.listing(session)
            box = lightboxes.keep(session, ADA, kept.id)
            lightboxes.keep(session, ADA, gone.id, box.id)
            listings.withdraw(session, gone.clip_id, "test")
            shown = lightboxes.show(session, ADA, box.id)
            assert ([one.id for one in shown.listings], shown.gone) == ([kept.id], 1)
            with pytest.raises(NotFound):
                lightboxes.keep(session, ADA, gone.id, box.id)
            lightboxes.remove(session, ADA, box.id)
            session.flush()
            assert session.scalar(select(func.count()).select_from(LightboxItem)) == 0

    def test_there_is_a_most_of_everything(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lightboxes, "MOST", 2)
        monkeypatch.setattr(lightboxes, "MOST_CLIPS", 1)
        with unit_of_work() as session:
            one, other = factories.listing(session), factories.listing(session)
            box = lightboxes.keep(session, ADA, one.id)
            with pytest.raises(Refusal, match="1 clips are the most"):
                lightboxes.keep(session, ADA, other.id, box.id)
            lightboxes.make(session, ADA, "second")
            with pytest.raises(Refusal, match="2 lightboxes are the most"):
                lightboxes.make(session, ADA, "third")

    @pytest.mark.parametrize(
        ("name", "clean"),
        [
            ("  Goals \n of\tMay ", "Goals of May"),
            ("\u202egnp.exe\x00", "gnp.exe"),
            ("\u200b\u2066", "My lightbox"),
            ("", "My lightbox"),
            ("x" * 500, "x" * 100),
        ],
    )
    def test_names_are_one_clean_line(self, name: str, clean: str) -> None:
        with unit_of_work() as session:
            assert lightboxes.make(session, ADA, name).name == clean

    def test_a_saved_search_keeps_known_fields_alone(self) -> None:
        me = Visitor(account_id=people.account("lee@example.org"), email="lee@example.org")
        other = Visitor(account_id=people.account("sam@example.org"))
        with unit_of_work() as session:
            query = "q=goal+%E2%80%AEx&tag=a&tag=b&cursor=3~1&evil=//x&order=score&kind="
            saved = lightboxes.save_search(session, me, " Goals ", query)
            assert (saved.name, saved.query) == ("Goals", "q=goal++x&tag=a&tag=b&order=score")
            assert lightboxes.searches(session, other) == []
            with pytest.raises(NotFound):
                lightboxes.forget_search(session, other, saved.id)
            with pytest.raises(BadRequest):
                lightboxes.save_search(session, me, "x", "cursor=1")
            with pytest.raises(SignInNeeded):
                lightboxes.save_search(session, ADA, "x", query)
            lightboxes.forget_search(session, me, saved.id)
            assert lightboxes.searches(session, me) == []


def test_a_guest_keeps_shares_and_takes_back_without_scripts(client: TestClient) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session, title="The winning goal")
        factories.asset(session, listing.clip, AssetKind.POSTER, b"p", suffix=".jpg",
                        mime="image/jpeg")  # fmt: skip
    assert f'href="/lightboxes/add?clip={listing.clip_id}"' in client.get("/").text
    form = client.get(f"/lightboxes/add?clip={listing.clip_id}")
    assert "Name of your lightbox" in form.text
    kept = people.post(client, "/lightboxes/add", clip=listing.clip_id, name="Goals")
    assert kept.status_code == 303
    box = kept.headers["location"]
    assert "The winning goal" in client.get(box).text
    assert "holds it" in client.get(f"/lightboxes/add?clip={listing.clip_id}").text
    assert "Goals" in client.get("/lightboxes").text
    people.post(client, f"{box}/rename", name="Best")
    people.post(client, f"{box}/share")
    link = re.search(r'value="http://127.0.0.1:8000(/shared/[0-9a-f]{32})"', client.get(box).text)
    assert link
    mine = dict(client.cookies)
    client.cookies.clear()
    assert client.get(box).status_code == 404
    stranger = client.get(link[1]).text
    assert "The winning goal" in stranger
    assert "Best" in stranger
    assert "Take out" not in stranger
    client.cookies.update(mine)
    people.post(client, f"{box}/unshare")
    assert client.get(link[1]).status_code == 404
    people.post(client, f"{box}/take-out", clip=listing.clip_id)
    assert "This lightbox is empty" in client.get(box).text
    assert people.post(client, f"{box}/delete").headers["location"] == "/lightboxes"
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Lightbox)) == 0


def test_a_browser_without_cookies_gets_one_with_its_first_clip(client: TestClient) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session)
    kept = client.post("/lightboxes/add", data={"clip": listing.clip_id})
    assert kept.status_code == 303
    assert client.get(kept.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/lightboxes", "/lightboxes/add", "/lightboxes/x/rename", "/lightboxes/x/delete",
     "/lightboxes/x/share", "/lightboxes/x/unshare", "/lightboxes/x/take-out", "/searches",
     "/searches/x/delete"],
)  # fmt: skip
def test_another_site_changes_nothing(client: TestClient, path: str) -> None:
    people.sign_in(client, "lee@example.org")
    fields = {"clip": "x", "query": "q=x", "form_token": people.form_token(client)}
    foreign = client.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    stale = client.post(path, data={**fields, "form_token": "0" * 64})
    assert (foreign.status_code, stale.status_code) == (400, 400)


def test_searches_are_saved_by_people_who_are_signed_in(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.listing(session, title="The winning goal")
    assert client.get("/searches").status_code in (303, 401)
    people.sign_in(client, "lee@example.org")
    assert "/searches/new?query=q%3Dgoal" in client.get("/?q=goal").text
    assert client.get("/searches/new?query=q%3Dgoal").status_code == 200
    assert people.post(client, "/searches", query="q=goal", name="Goals").status_code == 303
    page = client.get("/searches").text
    assert 'href="/?q=goal"' in page
    with reading() as session:
        saved = session.scalars(select(SavedSearch)).one()
    people.post(client, f"/searches/{saved.id}/delete")
    assert "No search is saved yet" in client.get("/searches").text
