"""A catalogue of any size, made up, the same for the same seed: rows and their search index.

Written in bulk, with the triggers asleep: what they keep in step is counted here meanwhile.
"""

import json
import operator
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Table, text

from catalog.search import bands, words
from catalog.search.entries import CHANCE_BITS, place, starts_of
from models.analysis import Transcript
from models.base import Base
from models.clip import Asset, Clip
from models.listing import Listing, ListingTag
from models.pool import PoolMember
from models.recording import Recording
from models.search import Entry, Start, Word

CREATORS, SERIES, TAGS, POOLS = 2_000, 5_000, 20_000, 20
CLIPS_EACH = 20
"""Of one recording."""
VOCABULARY = 100_000
TITLE_WORDS, SAID_WORDS, TAG_COUNT = 5, 36, 4
DAYS = 400
KINDS = ("cheer", "applause", "laughter", "excited speech", "impact", "motion", "cue words")
LANGUAGES = ("en",) * 6 + ("de", "fr", "es", "ja", "pt-br")
RELEASES = ("cleared", "editorial", "unknown", "unknown")
BATCH = 5_000
NOW_MS = 1_760_000_000_000

_IN_A_HURRY = """
    PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF;
    PRAGMA cache_size=-1500000;
"""
_AS_ALWAYS = "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-2000"


@dataclass
class Counts:
    words: Counter[str] = field(default_factory=Counter)
    newest: dict[str, int] = field(default_factory=dict)


@dataclass
class Shelf:
    """Rows by table, one batch of them."""

    rows: dict[str, list[dict[str, Any]]]


def word(number: int) -> str:
    """Syllables for a number; the small ones, which are frequent, are short."""
    letters, vowels = "bdfgklmnprstvz", "aeiou"
    made, number = "", number + 70
    while number:
        number, rest = divmod(number, 70)
        made += letters[rest // 5] + vowels[rest % 5]
    return made


def fill(engine: Engine, listings: int, seed: int = 1) -> None:
    counts = Counts()
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.executescript(_IN_A_HURRY)
        connection.begin()
        asleep = _sleep(connection)
        for shelf in _shelves(listings, seed, counts):
            for name, rows in shelf.rows.items():
                write(connection, Base.metadata.tables[name], rows)
        _write_counts(connection, counts)
        _wake(connection, asleep)
        connection.commit()
        if engine.dialect.name == "sqlite":
            connection.connection.executescript(_AS_ALWAYS)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _shelves(listings: int, seed: int, counts: Counts) -> Iterator[Shelf]:
    chance = random.Random(seed)
    draws = np.random.default_rng(seed)
    frequency = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    frequency /= frequency[-1]
    vocabulary = [word(i) for i in range(VOCABULARY)]
    creators = [f"{chance.getrandbits(128):032x}" for _ in range(CREATORS)]
    names = [f"{word(i * 37 % 60_000)} {word(i * 91 % 60_000)}".title() for i in range(CREATORS)]
    pools = [f"{chance.getrandbits(128):032x}" for _ in range(POOLS)]
    yield Shelf(
        {
            "creator": [
                {"id": id_, "slug": f"{i}", "name": name, "created_ms": 0}
                for i, (id_, name) in enumerate(zip(creators, names, strict=True))
            ],
            "pool": [
                {"id": id_, "slug": f"p{i}", "name": f"Pool {i}", "about": "", "rule": "{}"}
                | {"embargo_ms": 0, "created_ms": 0}
                for i, id_ in enumerate(pools)
            ],
        }
    )
    for start in range(0, listings, BATCH):
        many = min(BATCH, listings - start)
        each = TITLE_WORDS + SAID_WORDS
        drawn = np.searchsorted(frequency, draws.random((many, each)))
        made: dict[str, list[dict[str, Any]]] = {
            table.__tablename__: []
            for table in (
                Recording,
                Clip,
                Transcript,
                Asset,
                Listing,
                ListingTag,
                Entry,
                PoolMember,
            )
        }
        for i in range(many):
            number = start + i
            if number % CLIPS_EACH == 0:
                creator = int(CREATORS * chance.random() ** 2)
                recording = _recording(chance, creators[creator], vocabulary)
                made["recording"].append(recording)
            said = [vocabulary[n] for n in drawn[i]]
            pool = chance.choice(pools) if chance.random() < 0.05 else ""
            facts = _facts(chance, number, recording, names[creator], pool)
            _listing(made, counts, facts, said[:TITLE_WORDS], said[TITLE_WORDS:])
        yield Shelf(made)


def _recording(chance: random.Random, creator_id: str, vocabulary: Sequence[str]) -> dict[str, Any]:
    return {
        "id": f"{chance.getrandbits(128):032x}",
        "creator_id": creator_id,
        "sha256": f"{chance.getrandbits(256):064x}",
        "name": "recording.mp4",
        "title": f"{vocabulary[int(5_000 * chance.random() ** 2)].title()} {chance.randrange(999)}",
        "size": 1,
        "state": "done",
        "reason": "",
        "duration_ms": 3_600_000,
        "sidecar": "{}",
        "chat": "[]",
        "created_ms": 0,
        "series": f"{word(int(SERIES * chance.random() ** 2))} cup"
        if chance.random() < 0.7
        else "",
    }


def _facts(
    chance: random.Random, number: int, recording: dict[str, Any], creator: str, pool: str
) -> dict[str, Any]:
    tags = {word(int(TAGS * chance.random() ** 3)) for _ in range(TAG_COUNT)}
    score = round(chance.random(), 4)
    visible = NOW_MS - int(DAYS * 86_400_000 * chance.random())
    return {
        "id": f"{chance.getrandbits(128):032x}",
        "clip_id": f"{chance.getrandbits(128):032x}",
        "recording": recording,
        "creator": creator,
        "tags": sorted(tags),
        "score": score,
        "visible": visible,
        # Chance itself would meet itself too often among so many.
        "place": place(visible, score, number % (1 << CHANCE_BITS)),
        "kind": KINDS[int(len(KINDS) * chance.random() ** 2)],
        "language": chance.choice(LANGUAGES),
        "length": chance.randrange(8_000, 90_000),
        "release": chance.choice(RELEASES),
        "price": chance.choice((900, 4_900, 19_900, 79_900)),
        "pool": pool,
    }


def _listing(
    made: dict[str, list[dict[str, Any]]],
    counts: Counts,
    facts: dict[str, Any],
    title: list[str],
    said: list[str],
) -> None:
    recording, ids = facts["recording"], {"clip_id": facts["clip_id"]}
    heads = [*facts["creator"].lower().split(), *recording["series"].split()]
    heads += recording["title"].lower().split()
    parts = (title, *([tag] for tag in facts["tags"]), heads, said)
    made["clip"].append(_clip(facts, " ".join(title).capitalize()))
    lines = [" ".join(said[i : i + 9]) for i in range(0, len(said), 9)]
    segments = [
        {"start_ms": i * 3_000, "end_ms": i * 3_000 + 3_000, "text": line}
        for i, line in enumerate(lines)
    ]
    spoken = {"engine": "made up", "version": "1", "model": "", "quality": "good"}
    spoken |= {"quality_note": "", "language": facts["language"]}
    made["transcript"].append(
        ids | spoken | {"text": " ".join(said), "segments": json.dumps(segments)}
    )
    poster = {"kind": "poster", "suffix": ".jpg", "size": 1, "mime": "image/jpeg"}
    poster |= {"sha256": recording["sha256"], "recording_id": recording["id"], "created_ms": 0}
    made["asset"].append({"id": facts["id"]} | ids | poster)
    made["listing"].append(_row(facts, "|".join(f" {' '.join(part)} " for part in parts)))
    made["listing_tag"] += [{"listing_id": facts["id"], "tag": tag} for tag in facts["tags"]]
    if facts["pool"]:
        member = {"pool_id": facts["pool"], "listing_id": facts["id"], "why": "[]", "added_ms": 0}
        made["pool_member"].append(member)
    made["search_entry"].append(_entry(counts, facts, title, heads, said))


def _clip(facts: dict[str, Any], title: str) -> dict[str, Any]:
    return {
        "id": facts["clip_id"],
        "recording_id": facts["recording"]["id"],
        "kind": "clip",
        "spec": facts["clip_id"],
        "start_ms": 0,
        "end_ms": facts["length"],
        "title": title,
        "tags": json.dumps(facts["tags"]),
        "score": facts["score"],
        "reasons": json.dumps({facts["kind"]: facts["score"]}),
        "width": 1280,
        "height": 720,
        "essence_sha256": "",
        "signed_by": "",
        "created_ms": 0,
    }


def _row(facts: dict[str, Any], search_text: str) -> dict[str, Any]:
    return {
        "id": facts["id"],
        "clip_id": facts["clip_id"],
        "state": "public",
        "visible_from_ms": facts["visible"],
        "waiting": False,
        "search_text": search_text,
        "published_ms": facts["visible"],
        "creator_id": facts["recording"]["creator_id"],
        "series": facts["recording"]["series"],
        "event_kind": facts["kind"],
        "language": facts["language"],
        "length_ms": facts["length"],
        "release": facts["release"],
        "score": facts["score"],
        "price_from_cents": facts["price"],
        "currency": "USD",
    }


def _entry(
    counts: Counts, facts: dict[str, Any], title: list[str], heads: list[str], said: list[str]
) -> dict[str, Any]:
    given = [
        ("creator", facts["recording"]["creator_id"]),
        ("series", facts["recording"]["series"]),
        ("kind", facts["kind"]),
        *(("tag", tag) for tag in facts["tags"]),
        ("language", facts["language"]),
        ("length", bands.band_of(bands.LENGTHS, facts["length"])),
        ("release", facts["release"]),
        ("price", bands.band_of(bands.PRICES, facts["price"])),
        ("pool", facts["pool"]),
    ]
    facets = [words.facet(name, value) for name, value in given if value]
    tagged = [*title, *facts["tags"], *facts["kind"].split()]
    about = [*tagged, *heads]
    tiers = (("a:", title), ("b:", tagged), ("c:", about), ("", [*about, *said]))
    tokens = dict.fromkeys(
        [words.EVERY, *facets, *(tier + one for tier, found in tiers for one in found)]
    )
    counts.words.update(tokens.keys())
    for token in tokens:
        if counts.newest.get(token, 0) < facts["place"]:
            counts.newest[token] = facts["place"]
    return {
        "place": facts["place"],
        "score": facts["score"],
        "facets": " ".join(facets),
        "listing_id": facts["id"],
        "words": " ".join(tokens),
    }


def write(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    own = [column.name for column in table.columns if column.name in rows[0]]
    rest = {
        column.name: _plain(column.default.arg)
        for column in table.columns
        if column.name not in own and column.default and column.default.is_scalar
    }
    names, kept, constant = [*own, *rest], operator.itemgetter(*own), tuple(rest.values())
    packed = [kept(row) + constant for row in rows]
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})'
        connection.exec_driver_sql(statement, packed)
        return
    driver = connection.connection.cursor()
    quoted = ", ".join(f'"{name}"' for name in names)
    with driver.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as copy:
        for row in packed:
            copy.write_row(row)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _write_counts(connection: Connection, counts: Counts) -> None:
    rows, starts = [], []
    names = dict(connection.execute(text("SELECT id, name FROM creator")).all())
    for token, count in counts.words.items():
        name, value = words.facet_of(token) if "=" in token else ("", "")
        label = names.get(value, "") if name == "creator" else ""
        label = value if name in ("tag", "series") else label
        rows.append({"word": token, "facet": name, "label": label, "count": count})
        rows[-1]["newest"] = counts.newest[token]
        if label:
            starts += [{"start": start, "word": token} for start in starts_of(label)]
    connection.execute(text("DELETE FROM search_word"))
    write(connection, Word.metadata.tables[Word.__tablename__], rows)
    write(connection, Start.metadata.tables[Start.__tablename__], starts)


def _sleep(connection: Connection) -> list[str]:
    """Triggers and full text off; what brings them back."""
    if connection.dialect.name == "sqlite":
        found = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = connection.execute(found).all()
        for name, _ in kept:
            connection.execute(text(f"DROP TRIGGER {name}"))
        return [sql for _, sql in kept]
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("DROP INDEX ix_search_entry_vector"))
    return []


def _wake(connection: Connection, asleep: Sequence[str]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("INSERT INTO search_fts (search_fts) VALUES ('rebuild')"))
        for sql in asleep:
            connection.exec_driver_sql(sql)
        return
    connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    connection.execute(
        text(
            "CREATE INDEX ix_search_entry_vector ON search_entry USING gin (vector) "
            "WITH (fastupdate = off)"
        )
    )
