"""No kind of row that is about a person can be forgotten: each is in the export and in the erasure,
or on the list that says why not.
"""

from sqlalchemy import Table

import models
from catalog.members import consents
from catalog.privacy.kinds import KINDS, LEFT_OUT, Fate
from models.base import Base

assert models
PERSONAL = {"account_id", "email", "email_hash", "to", "whose", "guest", "actor", "licensee"}
"""Columns that say who somebody is, or count them."""
NOT_OURS = {"creator", "account", "clip", "listing", "content_session", "offer", "tier", "pool"}
"""What rows that point to these are about is not the person behind them."""


def tables() -> dict[str, Table]:
    return dict(Base.metadata.tables)


def personal() -> set[str]:
    """With a column about a person, or leading to a row that has one."""
    found = {
        name for name, table in tables().items() if PERSONAL & {one.name for one in table.columns}
    }
    while True:
        more = {
            name
            for name, table in tables().items()
            for key in table.foreign_keys
            if key.column.table.name in found - NOT_OURS and name not in found
        }
        if not more:
            return found | {"account"}
        found |= more


def test_every_row_about_a_person_is_handed_out_or_explained() -> None:
    known = {one.row.__tablename__ for one in KINDS}
    assert personal() - known - set(LEFT_OUT) == set()
    assert known.isdisjoint(LEFT_OUT), "it is one or the other"
    assert set(LEFT_OUT) <= set(tables())


def test_each_kind_says_why_how_long_and_what_an_erasure_does() -> None:
    assert len({one.key for one in KINDS}) == len(KINDS)
    assert len({one.row for one in KINDS}) == len(KINDS)
    for one in KINDS:
        assert all((one.title, one.why, one.until, one.after)), one.key
        columns = {column.name for column in tables()[one.row.__tablename__].columns}
        assert set(one.hidden) <= columns, one.key
        assert set(one.emptied) <= columns, one.key


def test_no_column_that_says_who_it_was_outlives_an_erasure_without_a_reason() -> None:
    """What stays of an address, a name or a guest's cookie is emptied, or is the proof itself."""
    says = {"email", "name", "guest", "licensee", "to"}
    proof = {("licenses", "licensee")}
    for one in KINDS:
        if one.fate == Fate.REMOVED or one.key in ("account", "desks"):
            continue
        columns = {column.name for column in tables()[one.row.__tablename__].columns}
        left = {(one.key, name) for name in columns & says - set(one.emptied)}
        assert left <= proof, one.key


def test_what_opens_a_door_is_never_handed_out() -> None:
    for one in KINDS:
        for column in tables()[one.row.__tablename__].columns:
            opens = column.name.endswith(("_sha256", "_hash", "secret")) or column.name == "html"
            assert not opens or column.name in one.hidden, (one.key, column.name)


def test_each_purpose_says_in_words_what_is_kept_why_and_how_long() -> None:
    for key, one in consents.PURPOSES.items():
        assert len(key) <= 40
        assert all((one.title, one.wording, one.kept, one.why, one.how_long)), key
        assert len(f"{one.wording} {one.kept} {one.how_long}") <= consents.WORDING_MOST, key
