"""The search index. An entry is there exactly while its listing may be found; the database's own
triggers keep the full-text index, the count of every word and the edition in step with it.
"""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.listing import Listing

_Number = BigInteger().with_variant(Integer(), "sqlite")  # a rowid, which full text goes by
_Ordered = String().with_variant(String(collation="C"), "postgresql")  # prefixes are ranges


class Entry(Base):
    """What one listing is found by."""

    __tablename__ = "search_entry"

    place: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=False)
    """Its rank among equals, higher first: day, score, chance; see catalog.search.entries."""
    score: Mapped[float]
    facets: Mapped[str] = mapped_column(String())
    """Its facet words, a space between them."""
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), unique=True)
    words: Mapped[str] = mapped_column(String())
    """All its words, each once, a space between them; see catalog.search.words. On PostgreSQL
    a generated column `vector` holds the same, on SQLite the table `search_fts`."""

    listing: Mapped[Listing] = relationship()

    __table_args__ = (
        Index("ix_search_entry_score", "score", "place"),
        Index("ix_search_entry_facets", "place", "score", "listing_id", "facets").ddl_if(
            dialect="sqlite"
        ),
    )


class Word(Base):
    """A word of the index and how many entries have it. Facets are words too: their counts."""

    __tablename__ = "search_word"

    word: Mapped[str] = mapped_column(_Ordered, primary_key=True)
    facet: Mapped[str] = mapped_column(String(20), default="")
    """tag, creator, ...; empty: a plain word."""
    label: Mapped[str] = mapped_column(String(), default="")
    """Of a facet, for people."""
    count: Mapped[int]
    newest: Mapped[int]
    """No entry with a higher place has it."""

    __table_args__ = (
        Index(
            "ix_search_word_facet",
            "facet",
            "count",
            sqlite_where=text("facet <> ''"),
            postgresql_where=text("facet <> ''"),
        ),
    )


class Start(Base):
    """Where a facet's label may begin for somebody who types it: at each of its words."""

    __tablename__ = "search_start"

    start: Mapped[str] = mapped_column(_Ordered, primary_key=True)
    word: Mapped[str] = mapped_column(_Ordered, primary_key=True)


class Edition(Base):
    """One row. Its number changes with everything that the catalogue shows to all."""

    __tablename__ = "search_edition"

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    number: Mapped[int]
