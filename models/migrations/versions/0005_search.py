"""search"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COPIES: tuple[tuple[str, Any, Any], ...] = (
    ("waiting", sa.Boolean(), sa.false()),
    ("creator_id", sa.String(length=32), ""),
    ("series", sa.String(length=200), ""),
    ("event_kind", sa.String(length=80), ""),
    ("language", sa.String(length=20), ""),
    ("length_ms", sa.BigInteger(), "0"),
    ("release", sa.String(length=20), "unknown"),
    ("score", sa.Double(), "0"),
)
TABLES = ("search_edition", "search_start", "search_word", "search_entry")

# A facet's word is "@", its facet, "=", its value.
_COUNT_SQLITE = """
    INSERT INTO search_word (word, facet, label, count, newest)
    SELECT value,
           CASE WHEN substr(value, 1, 1) = '@' AND instr(value, '=') > 2
                THEN substr(value, 2, instr(value, '=') - 2) ELSE '' END,
           '', 1, NEW.place
    FROM json_each('["' || replace(NEW.words, ' ', '","') || '"]') WHERE true
    ON CONFLICT (word) DO UPDATE SET count = count + 1, newest = max(newest, excluded.newest);
    UPDATE search_edition SET number = number + 1;
"""
_UNCOUNT_SQLITE = """
    UPDATE search_word SET count = count - 1 WHERE word IN (
        SELECT value FROM json_each('["' || replace(OLD.words, ' ', '","') || '"]'));
    UPDATE search_edition SET number = number + 1;
"""
_IN = "INSERT INTO search_fts (rowid, words) VALUES (NEW.place, NEW.words);"
_OUT = "INSERT INTO search_fts (search_fts, rowid, words) VALUES ('delete', OLD.place, OLD.words);"
_HIDDEN = """
    NEW.state <> 'public' OR
    NEW.visible_from_ms > {now}
"""
_NOW_SQLITE = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_NOW_POSTGRES = "CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)"
# Whoever writes pool_member: the pool is a facet, and a facet is a word.
_JOIN = """
    UPDATE search_entry SET words = words || ' @pool=' || NEW.pool_id,
                            facets = facets || ' @pool=' || NEW.pool_id
    WHERE listing_id = NEW.listing_id
      AND strpos(' ' || words || ' ', ' @pool=' || NEW.pool_id || ' ') = 0;
"""
_LEAVE = """
    UPDATE search_entry SET
        words = trim(replace(' ' || words || ' ', ' @pool=' || OLD.pool_id || ' ', ' ')),
        facets = trim(replace(' ' || facets || ' ', ' @pool=' || OLD.pool_id || ' ', ' '))
    WHERE listing_id = OLD.listing_id
      AND strpos(' ' || words || ' ', ' @pool=' || OLD.pool_id || ' ') > 0;
"""

SQLITE = (
    # Full words alone, no positions: phrases are looked up in listing.search_text.
    """
    CREATE VIRTUAL TABLE search_fts USING fts5(
        words, content='search_entry', content_rowid='place', detail=none, columnsize=0,
        tokenize="ascii tokenchars '@:=_'")
    """,
    f"CREATE TRIGGER search_entry_in AFTER INSERT ON search_entry BEGIN {_IN}{_COUNT_SQLITE} END",
    f"""
    CREATE TRIGGER search_entry_out AFTER DELETE ON search_entry
    BEGIN {_OUT}{_UNCOUNT_SQLITE} END
    """,
    f"""
    CREATE TRIGGER search_entry_changed AFTER UPDATE OF words ON search_entry
    BEGIN {_OUT}{_UNCOUNT_SQLITE}{_IN}{_COUNT_SQLITE} END
    """,
    f"""
    CREATE TRIGGER listing_hidden AFTER UPDATE OF state, visible_from_ms ON listing
    WHEN {_HIDDEN.format(now=_NOW_SQLITE)}
    BEGIN DELETE FROM search_entry WHERE listing_id = NEW.id; END
    """,
    f"""
    CREATE TRIGGER pool_member_in AFTER INSERT ON pool_member WHEN NEW.removed_ms IS NULL
    BEGIN {_JOIN.replace("strpos", "instr")} END
    """,
    f"""
    CREATE TRIGGER pool_member_back AFTER UPDATE OF removed_ms ON pool_member
    WHEN NEW.removed_ms IS NULL
    BEGIN {_JOIN.replace("strpos", "instr")} END
    """,
    f"""
    CREATE TRIGGER pool_member_removed AFTER UPDATE OF removed_ms ON pool_member
    WHEN NEW.removed_ms IS NOT NULL
    BEGIN {_LEAVE.replace("strpos", "instr")} END
    """,
    f"""
    CREATE TRIGGER pool_member_out AFTER DELETE ON pool_member
    BEGIN {_LEAVE.replace("strpos", "instr")} END
    """,
)
# One writer of the index at a time: the counts of common words are rows that all of them change.
_COUNT_POSTGRES = """
    INSERT INTO search_word (word, facet, label, count, newest)
    SELECT w, CASE WHEN w LIKE '@%=%' THEN substr(split_part(w, '=', 1), 2) ELSE '' END,
           '', 1, NEW.place
    FROM unnest(string_to_array(NEW.words, ' ')) AS w
    ON CONFLICT (word) DO UPDATE SET count = search_word.count + 1,
        newest = greatest(search_word.newest, excluded.newest);
"""
_UNCOUNT_POSTGRES = """
    UPDATE search_word SET count = count - 1 WHERE word = ANY (string_to_array(OLD.words, ' '));
"""
POSTGRES = (
    """
    ALTER TABLE search_entry ADD COLUMN vector tsvector
    GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED
    """,
    # A row is read in one piece: a walk along the index looks at thousands.
    "ALTER TABLE search_entry SET (toast_tuple_target = 8160)",
    """
    CREATE INDEX ix_search_entry_vector ON search_entry USING gin (vector) WITH (fastupdate = off)
    """,
    f"""
    CREATE FUNCTION reelyard_search_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(72657);
        IF TG_OP <> 'INSERT' THEN {_UNCOUNT_POSTGRES} END IF;
        IF TG_OP <> 'DELETE' THEN {_COUNT_POSTGRES} END IF;
        UPDATE search_edition SET number = number + 1;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER search_entry_changed AFTER INSERT OR DELETE OR UPDATE OF words ON search_entry
    FOR EACH ROW EXECUTE FUNCTION reelyard_search_entry()
    """,
    """
    CREATE FUNCTION reelyard_listing_hidden() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN DELETE FROM search_entry WHERE listing_id = NEW.id; RETURN NULL; END $$
    """,
    f"""
    CREATE TRIGGER listing_hidden AFTER UPDATE OF state, visible_from_ms ON listing
    FOR EACH ROW WHEN ({_HIDDEN.format(now=_NOW_POSTGRES)})
    EXECUTE FUNCTION reelyard_listing_hidden()
    """,
    f"""
    CREATE FUNCTION reelyard_pool_member() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN {_LEAVE}
        ELSIF NEW.removed_ms IS NULL THEN {_JOIN}
        ELSE {_LEAVE}
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER pool_member_changed
    AFTER INSERT OR DELETE OR UPDATE OF removed_ms ON pool_member
    FOR EACH ROW EXECUTE FUNCTION reelyard_pool_member()
    """,
)


def _ordered() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name, kind, default in COPIES:
        op.add_column("listing", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("listing", sa.Column("price_from_cents", sa.BigInteger(), nullable=True))
    op.add_column("listing", sa.Column("currency", sa.String(length=3), nullable=True))
    op.create_index("ix_listing_creator_id", "listing", ["creator_id"])
    op.create_index(
        "ix_listing_waiting",
        "listing",
        ["visible_from_ms"],
        sqlite_where=sa.text("waiting"),
        postgresql_where=sa.text("waiting"),
    )
    _tables()
    op.execute("INSERT INTO search_edition (id, number) VALUES (1, 1)")
    for statement in POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
    # What is on sale already is described and put into the index by catalog.search.reveal().
    op.execute(
        """
        UPDATE listing SET waiting = true, creator_id = (
            SELECT recording.creator_id FROM clip
            JOIN recording ON recording.id = clip.recording_id WHERE clip.id = listing.clip_id)
        """
    )


def _tables() -> None:
    op.create_table(
        "search_entry",
        sa.Column("place", _number(), autoincrement=False, nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("facets", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_search_entry_listing_id")
        ),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_search_entry")),
        sa.UniqueConstraint("listing_id", name=op.f("uq_search_entry_listing_id")),
    )
    op.create_index("ix_search_entry_score", "search_entry", ["score", "place"])
    op.create_table(
        "search_word",
        sa.Column("word", _ordered(), nullable=False),
        sa.Column("facet", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_word")),
    )
    op.create_index(
        "ix_search_word_facet",
        "search_word",
        ["facet", "count"],
        sqlite_where=sa.text("facet <> ''"),
        postgresql_where=sa.text("facet <> ''"),
    )
    op.create_table(
        "search_start",
        sa.Column("start", _ordered(), nullable=False),
        sa.Column("word", _ordered(), nullable=False),
        sa.PrimaryKeyConstraint("start", "word", name=op.f("pk_search_start")),
    )
    op.create_table(
        "search_edition",
        sa.Column("id", _number(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_edition")),
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER pool_member_changed ON pool_member")
        op.execute("DROP TRIGGER listing_hidden ON listing")
    else:
        for name in ("in", "back", "removed", "out"):
            op.execute(f"DROP TRIGGER pool_member_{name}")
        op.execute("DROP TRIGGER listing_hidden")
        op.execute("DROP TABLE search_fts")
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in ("search_entry", "listing_hidden", "pool_member"):
            op.execute(f"DROP FUNCTION reelyard_{name}")
    op.drop_index("ix_listing_waiting", table_name="listing")
    op.drop_index("ix_listing_creator_id", table_name="listing")
    for name in ("price_from_cents", "currency", *(copy[0] for copy in COPIES)):
        op.drop_column("listing", name)
