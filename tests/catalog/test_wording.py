"""A clip's title and tags are its creator's: changed on a page and by the API, found at once."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import search, wording
from catalog.errors import Refusal
from catalog.search import Wanted
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import Clip
from models.event import Event
from models.job import Job
from tests import factories, people, pool_factories


@pytest.fixture
def clip_id(client: TestClient) -> str:
    """Ada's, on sale; a pool is open."""
    with unit_of_work() as session:
        clip = factories.clip(
            session, factories.recording(session), title="Quokka at 1:00", tags=["quokka"]
        )
        factories.listing(session, clip)
        return clip.id


def found(**wanted: object) -> list[str]:
    with reading() as session:
        return [one.clip_id for one in search.find(session, Wanted(**wanted)).listings]  # type: ignore[arg-type]


def as_ada(client: TestClient) -> None:
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")


def test_new_words_are_found_at_once_and_old_ones_no_more(clip_id: str) -> None:
    with unit_of_work() as session:
        wording.reword(session, clip_id, "Penalty in the last minute", ["Penalty ", "penalty"])
    assert found(query="last minute") == [clip_id]
    assert found(tags=["penalty"]) == [clip_id]
    assert found(query="quokka") == found(tags=["quokka"]) == []
    with reading() as session:
        clip = session.get_one(Clip, clip_id)
        assert (clip.title, clip.tags) == ("Penalty in the last minute", ["penalty"])
        [noted] = session.scalars(select(Event).filter_by(kind="clip.reworded"))
        assert noted.facts["before"] == {"title": "Quokka at 1:00", "tags": ["quokka"]}


def test_the_same_words_again_are_nothing_new(clip_id: str) -> None:
    with unit_of_work() as session:
        wording.reword(session, clip_id, " Quokka  at 1:00", ["quokka"])
    with reading() as session:
        assert session.scalars(select(Event).filter_by(kind="clip.reworded")).all() == []


@pytest.mark.parametrize(
    ("title", "tags", "code"),
    [
        (" \u202e\x00 ", [], "no_title"),
        ("x" * 121, [], "title_long"),
        ("Goal", [f"tag {number}" for number in range(21)], "tags_many"),
        ("Goal", ["x" * 41], "tag_long"),
    ],
)
def test_words_that_nobody_could_read_are_refused_and_change_nothing(
    clip_id: str, title: str, tags: list[str], code: str
) -> None:
    with unit_of_work() as session, pytest.raises(Refusal) as told:
        wording.reword(session, clip_id, title, tags)
    assert told.value.code == code
    assert found(query="quokka") == [clip_id]


def test_the_page_says_what_was_saved_and_the_clip_shows_it(
    client: TestClient, clip_id: str
) -> None:
    assert "Quokka at 1:00" in client.get(f"/clips/{clip_id}").text, "kept for guests"
    as_ada(client)
    assert f"/clips/{clip_id}/words" in client.get(f"/clips/{clip_id}").text
    path = f"/clips/{clip_id}/words"
    words = {"title": "A <b>goal</b>\u202e", "tags": "goal, last minute,,"}
    assert people.post(client, path, **words).headers["location"] == f"{path}?done=set"
    done = client.get(f"{path}?done=set")
    assert "Saved." in done.text
    assert 'value="goal, last minute"' in done.text
    with TestClient(client.app, base_url=str(client.base_url)) as guest:
        shown = guest.get(f"/clips/{clip_id}").text
    assert "A &lt;b&gt;goal&lt;/b&gt;" in shown
    assert "Quokka at 1:00" not in shown
    assert "\u202e" not in shown
    refused = people.post(client, path, title="x" * 121, tags="mine")
    assert refused.status_code == 409
    assert 'value="mine"' in refused.text, "nothing has to be typed again"


def test_whose_clip_it_is_not_finds_no_form(client: TestClient, clip_id: str) -> None:
    people.sign_in(client, "bob@example.org", Role.CREATOR, creator="bob")
    assert client.get(f"/clips/{clip_id}/words").status_code == 404
    assert people.post(client, f"/clips/{clip_id}/words", title="Mine").status_code == 404
    assert f"/clips/{clip_id}/words" not in client.get(f"/clips/{clip_id}").text
    assert found(query="quokka") == [clip_id]


def test_a_program_says_them_and_pools_are_asked_again(client: TestClient, clip_id: str) -> None:
    with unit_of_work() as session:
        pool_factories.pool(session)
    account_id = people.account("ada@example.org", Role.CREATOR, creator="ada")
    headers = people.token(account_id, "recordings:write")
    words = {"title": "Penalty", "tags": ["penalty"]}
    said = client.put(f"/api/v1/clips/{clip_id}/words", json=words, headers=headers)
    assert (said.status_code, said.json()) == (200, {"clip_id": clip_id, **words})
    with reading() as session:
        assert [one.step for one in session.scalars(select(Job))] == ["route"]
    other = people.account("bob@example.org", Role.CREATOR, creator="bob")
    stranger = people.token(other, "recordings:write")
    asked = client.put(f"/api/v1/clips/{clip_id}/words", json=words, headers=stranger)
    assert asked.status_code == 404
