"""All of one's data in one file, and nothing of anybody else's."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from catalog import lightboxes
from catalog.privacy import exports
from catalog.privacy.kinds import KINDS, person_of
from models.account import Account
from models.base import reading, unit_of_work
from models.creator import creator_of
from models.listing import Listing
from models.membership import Membership, MembershipState
from tests import factories, member_factories
from tests import privacy_factories as privacy
from tests.both import BOTH, database_of, server_of


def taken(account_id: str) -> dict[str, str]:
    whole = b"".join(exports.stream(account_id, "https://reelyard.example"))
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert read.testzip() is None
        return {name: read.read(name).decode() for name in read.namelist()}


def rows(files: dict[str, str], key: str) -> list[dict[str, Any]]:
    return list(json.loads(files[f"json/{key}.json"]))


@pytest.mark.parametrize("kind", BOTH)
def test_it_holds_every_kind_twice_and_reads_alike_in_both(kind: str, home: Path) -> None:
    with server_of(kind) as server, database_of(kind, server, home):
        me = str(privacy.somebody().account_id)
        other = str(privacy.somebody("otto@example.org", "Otto Other").account_id)
        files = taken(me)
        for one in KINDS:
            found = rows(files, one.key)
            table = list(csv.DictReader(io.StringIO(files[f"csv/{one.key}.csv"])))
            assert len(found) == len(table), one.key
            assert found or one.key == "desks", one.key
            assert not found or list(found[0]) == list(table[0]), one.key
            assert one.title in files["README.txt"]
        everything = "".join(files.values())
        assert "otto@example.org" not in everything
        assert "Otto" not in everything
        assert other not in everything
        assert rows(taken(other), "account")[0]["email"] == "otto@example.org"


def test_it_says_in_words_what_ids_and_moments_are(database: object) -> None:
    files = taken(str(privacy.somebody().account_id))
    (account,) = rows(files, "account")
    assert account["email"] == privacy.EMAIL
    assert account["name"] == privacy.NAME
    assert account["created"].endswith("+00:00")
    (joined,) = rows(files, "memberships")
    assert joined["creator"] == "Ada"
    assert joined["tier"] == "Events"
    assert joined["price_cents"] == 2_500
    assert {one["clip"] for one in rows(files, "licenses")} != {None}
    assert {one["purpose"] for one in rows(files, "consents")} == {"history", "export"}
    assert rows(files, "watched")[0]["series"] == "Cup"
    everything = "".join(files.values())
    for secret in ("argon2id", "https://x.example/enter/w", "whsec_"):
        assert secret not in everything, "no word in it lets anybody act as its owner"
    (token,) = rows(files, "tokens")
    assert token["name"] == "My program"
    assert "token_sha256" not in token


def test_a_clip_that_is_early_for_others_is_not_named(database: object) -> None:
    """Kept in a lightbox while one was a member; on its day it is named again."""
    who = privacy.somebody()
    with unit_of_work() as session:
        creator = creator_of(session, "bob")
        account, tier = str(who.account_id), member_factories.tier(session, "events", creator)
        member = member_factories.membership(session, account, tier)
        recording = factories.recording(session, creator_id=creator.id)
        clip = factories.clip(session, recording, title="The secret goal")
        listing = factories.listing(session, clip)
        listing.visible_from_ms = member_factories.now(session) + member_factories.HOUR_MS
        lightboxes.keep(session, who, clip.id, name="Goals")
    assert "The secret goal" in "".join(taken(account).values())
    with unit_of_work() as session:
        session.get_one(Membership, member.id).state = MembershipState.PAUSED
    files = taken(account)
    assert "The secret goal" not in "".join(files.values())
    assert listing.id in {one["listing_id"] for one in rows(files, "lightbox_clips")}
    with unit_of_work() as session:
        session.get_one(Listing, listing.id).visible_from_ms = 1
    assert "The secret goal" in "".join(taken(account).values())


def test_a_name_that_looks_like_a_formula_stays_text(database: object) -> None:
    me = str(privacy.somebody(name="=HYPERLINK(0)").account_id)
    files = taken(me)
    assert "'=HYPERLINK(0)" in files["csv/account.csv"]
    assert rows(files, "account")[0]["name"] == "=HYPERLINK(0)", "programs get it as it is"


def test_a_new_account_has_an_empty_file_of_each_kind(database: object) -> None:
    with unit_of_work() as session:
        made = Account(email="new@example.org", roles=[])
        session.add(made)
        session.flush()
        me = made.id
    files = taken(me)
    assert rows(files, "orders") == []
    assert files["csv/orders.csv"].startswith("id,account_id,")
    assert files["csv/orders.csv"].count("\r\n") == 1


def test_it_leaves_in_pieces_and_the_page_counts_what_is_in_it(database: object) -> None:
    me = str(privacy.somebody().account_id)
    pieces = list(exports.stream(me, ""))
    assert len(pieces) > len(KINDS), "it is sent while it is written"
    assert max(map(len, pieces)) < 70_000
    with reading() as session:
        counts = exports.counts(session, person_of(session, me))
    files = taken(me)
    assert {one.key: len(rows(files, one.key)) for one in KINDS} == counts
