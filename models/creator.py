"""Creator: whose footage it is."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, now_ms

DEFAULT_SLUG = "house"


class Creator(Base):
    __tablename__ = "creator"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    """The inbox folder's name as text."""
    name: Mapped[str] = mapped_column(String(300))
    allow_ai_training: Mapped[bool | None]
    """None: the settings' default holds."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())


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
