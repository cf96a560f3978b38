"""Creator: whose footage it is."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.account import Account

DEFAULT_SLUG = "house"


class Creator(Base):
    __tablename__ = "creator"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    """The inbox folder's name as text."""
    name: Mapped[str] = mapped_column(String(300))
    allow_ai_training: Mapped[bool | None]
    """None: the settings' default holds."""
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    """Who works at this creator's desk; None: staff alone."""
    members_ms: Mapped[int | None]
    """Since when people can become members; None: they can't."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    account: Mapped["Account | None"] = relationship(back_populates="creators")


def creator_of(session: Session, slug: str) -> Creator:
    """The creator with this folder name, made where absent."""
    found = session.query(Creator).filter_by(slug=slug).one_or_none()
    if found is None:
        found = Creator(slug=slug, name=_shown(slug))
        session.add(found)
        session.flush()
    return found


def _shown(slug: str) -> str:
    """ "mara-okafor" reads as "Mara Okafor"; capitals that were chosen stay."""
    words = slug.replace("-", " ").replace("_", " ").strip() or slug
    return words.title() if words == words.lower() else words
