"""Account: a person who signs in; what signs them in; what programs use in their stead."""

import enum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.creator import Creator


class Role(enum.StrEnum):
    CREATOR = "creator"
    LICENSEE = "licensee"
    MEMBER = "member"
    PARTNER = "partner"
    STAFF = "staff"


class Account(Base):
    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """Lower case: two spellings are one mailbox."""
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    """Argon2id; empty where only links sign in."""
    roles: Mapped[list[str]]
    verified_ms: Mapped[int | None]
    """When a link that was sent to the address was first opened."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    closed_ms: Mapped[int | None]

    creators: Mapped[list["Creator"]] = relationship(back_populates="account")


class SignIn(Base):
    """One browser that is signed in. Its cookie is kept as a hash only."""

    __tablename__ = "sign_in"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    browser: Mapped[str] = mapped_column(String(60), default="")
    """As its owner would call it: "Firefox on Linux"."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    seen_ms: Mapped[int] = mapped_column(default=now_ms())
    expires_ms: Mapped[int]


class MagicLink(Base):
    """A link that signs in once; or, for a guest, opens one order."""

    __tablename__ = "magic_link"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    back: Mapped[str] = mapped_column(String(500), default="/")
    """The path of ours that it leads to."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    expires_ms: Mapped[int]
    used_ms: Mapped[int | None]


class Token(Base):
    """An API token: a hash, what it may do, until when."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    begins: Mapped[str] = mapped_column(String(12))
    """Its first characters, so that its owner knows it again."""
    scopes: Mapped[list[str]]
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    expires_ms: Mapped[int]
    used_ms: Mapped[int | None]
    revoked_ms: Mapped[int | None]

    account: Mapped[Account] = relationship()


class Throttle(Base):
    """How often something was done by one address or account in one window of time."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    """What is counted and for whom; the address as a keyed hash."""
    window_ms: Mapped[int] = mapped_column(primary_key=True)
    """The window's start."""
    count: Mapped[int] = mapped_column(default=0)


class Secret(Base):
    """A key that every process of this house shares; made at first use."""

    __tablename__ = "secret"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    created_ms: Mapped[int] = mapped_column(default=now_ms())


class Answered(Base):
    """The answer to a change that came with an idempotency key: asked again, it is given again."""

    __tablename__ = "answered"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    whose: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The account, or the guest's cart."""
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    """0 while the first request is still being answered."""
    body: Mapped[str]
    created_ms: Mapped[int] = mapped_column(default=now_ms(), index=True)
