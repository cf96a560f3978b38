"""A stored file that is damaged is found, told of and not sent; put right, it is sent as before."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import deliveries, wholeness
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind
from models.license import Download, License
from models.mail import Mail
from models.settings import settings
from models.storage import store
from tests import people
from tests.delivery_factories import full_clip, license_of
from workers import scrub

LEA = "lea@films.example"


@pytest.fixture(autouse=True)
def first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub, "_round", scrub._Round())


def path_of(asset: Asset) -> Path:
    return store().folder / asset.key  # type: ignore[attr-defined,no-any-return]


def flip(asset: Asset) -> bytes:
    """One bit in the middle. What was there before."""
    path = path_of(asset)
    before = path.read_bytes()
    damaged = bytearray(before)
    damaged[len(damaged) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(damaged)
    return before


def told() -> list[str]:
    with reading() as session:
        wanted = select(Mail).where(Mail.subject == "A stored file is damaged")
        return [one.to for one in session.scalars(wanted)]


@pytest.fixture
def copy(client: TestClient) -> Asset:
    """Of a license of the person who is signed in."""
    account_id = people.sign_in(client, LEA, Role.LICENSEE)
    with unit_of_work() as session:
        _, listing = full_clip(session)
        row = license_of(session, listing, account_id=account_id)
    with reading() as session:
        found = session.scalars(select(Asset).filter_by(license_id=row.id, suffix=".mp4"))
        return found.one()


def fresh(client: TestClient, copy: Asset) -> str:
    made = people.post(client, f"/licenses/{copy.license_id}/downloads/{copy.id}")
    return str(made.headers["location"])


def test_a_flipped_bit_is_found_when_a_download_begins(client: TestClient, copy: Asset) -> None:
    before = flip(copy)
    link = fresh(client, copy)
    for _ in range(2):
        answer = client.get(link)
        assert answer.status_code == 503
        assert "This file is being repaired" in answer.text
        assert answer.headers["retry-after"] == "3600"
        assert b"the copy for" not in answer.content
    assert told() == [settings().operator], "once"
    assert client.get(link, headers={"Range": "bytes=5-9"}).status_code == 503
    with reading() as session:
        assert session.scalars(select(Download)).all() == [], "nothing was downloaded"
    path_of(copy).write_bytes(before)
    scrub.look_again()
    assert client.get(link).content == before


def test_the_round_finds_what_nobody_asked_for(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work() as session:
        clip, _ = full_clip(session)
    with reading() as session:
        poster, preview = (
            session.scalars(select(Asset).filter_by(clip_id=clip.id, kind=kind)).one()
            for kind in (AssetKind.POSTER, AssetKind.PREVIEW)
        )
        count = len(session.scalars(select(Asset)).all())
    flip(poster)
    path_of(preview).unlink()
    monkeypatch.setattr(scrub, "PIECE", 1)
    for _ in range(count):
        scrub.scrub()
    assert {one.id for one in wholeness.broken()} == {poster.id, preview.id}
    assert len(told()) == 2
    assert client.get(f"/media/{poster.id}/poster.jpg").status_code == 503
    assert client.get(f"/media/{preview.id}/preview.mp4").status_code == 503
    scrub.scrub()  # the end of the round
    assert scrub._round.rest == scrub.REST
    scrub.scrub()
    assert scrub._round.rest == scrub.REST - 1


def test_what_is_whole_is_hashed_once_a_link(
    client: TestClient, copy: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    known = wholeness.look

    def look(asset: Asset) -> bool:
        looked.append(asset.id)
        return known(asset)

    monkeypatch.setattr(wholeness, "look", look)
    link = fresh(client, copy)
    assert client.get(link).status_code == 200
    for span in ("bytes=0-", "bytes=3-9", "bytes=9-"):
        assert client.get(link, headers={"Range": span}).status_code == 206
    assert looked == [copy.id]
    with reading() as session:
        assert deliveries.history(session, session.get_one(License, copy.license_id))
