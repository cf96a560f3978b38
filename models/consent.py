"""Consent: what a person agreed to. Subscriber: who wants which letters. Stopped: addresses that
must not be written to. Letter: what of a series was sent."""

import enum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms


class Consent(Base):
    """One answer to one question. Taking it back ends the row; a new answer is a new row."""

    __tablename__ = "consent"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    """A name of catalog.members.consents.PURPOSES."""
    wording: Mapped[str] = mapped_column(String(1000))
    """The sentence that was agreed to."""
    source: Mapped[str] = mapped_column(String(60))
    """The page: join, account, preferences."""
    given_ms: Mapped[int] = mapped_column(default=now_ms())
    withdrawn_ms: Mapped[int | None]

    __table_args__ = (
        Index(
            "uq_consent_alive",
            "account_id",
            "purpose",
            unique=True,
            sqlite_where=text("withdrawn_ms IS NULL"),
            postgresql_where=text("withdrawn_ms IS NULL"),
        ),
    )


class SubscriberState(enum.StrEnum):
    ASKED = "asked"
    """The confirming link was sent and not opened."""
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Subscriber(Base):
    """One address and one purpose of letters. Needs no account."""

    __tablename__ = "subscriber"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    """Signed, it is the address of its preference page; see catalog.letters.links."""
    email: Mapped[str] = mapped_column(String(254), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    """A name of catalog.letters.purposes."""
    creator_id: Mapped[str] = mapped_column(String(32), default="")
    """Of whom; empty: of the house."""
    state: Mapped[SubscriberState] = mapped_column(String(20), default=SubscriberState.ASKED)
    source: Mapped[str] = mapped_column(String(60))
    asked_ms: Mapped[int] = mapped_column(default=now_ms())
    confirmed_ms: Mapped[int | None]
    ended_ms: Mapped[int | None]
    last_sent_ms: Mapped[int | None]
    rhythm: Mapped[str] = mapped_column(String(10), default="week")
    """Of a digest: day, week."""

    __table_args__ = (UniqueConstraint("email", "purpose", "creator_id"),)


class Stopped(Base):
    """An address that bounced for good or complained; known by a keyed hash, so that it outlives
    an erasure without being an address."""

    __tablename__ = "stopped"

    email_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(20))
    """bounced, complained; full: not stopped yet, see catalog.letters.stops. tried: of another
    hash, which stops no letter; see catalog.members.tried"""
    count: Mapped[int] = mapped_column(default=1)
    at_ms: Mapped[int] = mapped_column(default=now_ms())


class Letter(Base):
    """One letter of a series to one person; a unique row, so none is sent twice."""

    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    series: Mapped[str] = mapped_column(String(60))
    number: Mapped[int]
    subject_id: Mapped[str] = mapped_column(String(32))
    """The membership or subscriber that it is for."""
    mail_id: Mapped[str | None] = mapped_column(String(32))
    """None: passed over, because its condition did not hold."""
    at_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (
        UniqueConstraint("series", "number", "subject_id"),
        Index("ix_letter_subject", "subject_id"),
    )
