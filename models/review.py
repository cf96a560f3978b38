"""Review: what a creator did with a moment, and what the creator's reviews together teach."""

import enum
import math
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, ForeignKey, Index, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, now_ms

RATE = 0.5
"""How far one review moves a part that made the whole score."""
LEAST, MOST = 0.5, 2.0


UNKNOWN = "auto"
"""The profile of a review whose recording was taken for no kind: it teaches all of them."""


class Verdict(enum.StrEnum):
    KEPT = "kept"
    TRIMMED = "trimmed"
    PROMOTED = "promoted"
    DISCARDED = "discarded"


class Review(Base):
    __tablename__ = "review"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    profile: Mapped[str] = mapped_column(String(20))
    candidate_id: Mapped[str] = mapped_column(ForeignKey("candidate.id"), index=True)
    verdict: Mapped[Verdict] = mapped_column(String(20))
    score: Mapped[float]
    reasons: Mapped[dict[str, float]]
    """As they were when it was reviewed."""
    undone_ms: Mapped[int | None]
    forgotten_ms: Mapped[int | None]
    """When the creator reset the profile: it teaches nothing from then on."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (Index("ix_review_taught", "creator_id", "profile", "created_ms"),)

    @property
    def liked(self) -> bool:
        return self.verdict != Verdict.DISCARDED


def teaching(session: Session, creator_id: str, profile: str) -> Sequence[Review]:
    """The reviews that count, oldest first: those of the profile, and of a kind not known."""
    wanted = (
        select(Review)
        .where(
            Review.creator_id == creator_id,
            Review.profile.in_((profile, UNKNOWN)),
            Review.undone_ms.is_(None),
            Review.forgotten_ms.is_(None),
        )
        .order_by(Review.created_ms, Review.id)
    )
    return session.scalars(wanted).all()


def factors(session: Session, creator_id: str, profile: str) -> dict[str, float]:
    """By part, what its weight is multiplied by; a part that is absent counts as ever."""
    learnt: dict[str, float] = {}
    for review in teaching(session, creator_id, profile):
        learnt = learn(learnt, review.reasons, review.score, liked=review.liked)
    return learnt


def learn(
    learnt: Mapping[str, float], reasons: Mapping[str, float], score: float, *, liked: bool
) -> dict[str, float]:
    """One step of logistic regression on the logarithms of the weights.

    For a sum of weighted parts the gradient along a weight's logarithm is (wanted - score) x part.
    Between LEAST and MOST: a creator's habit bends the ranking, it does not break it.
    """
    changed = dict(learnt)
    for name, part in reasons.items():
        step = RATE * ((1.0 if liked else 0.0) - score) * part
        moved = changed.get(name, 1.0) * math.exp(step)
        changed[name] = round(min(MOST, max(LEAST, moved)), 4)
    return changed


def forget(session: Session, creator_id: str, profile: str) -> int:
    """The profile is again as it came; the reviews stay on record. Answers when it was.

    What teaches all profiles is forgotten by all of them.
    """
    at_ms = session.scalar(select(now_ms())) or 0  # one moment for all of them: see recall()
    _mark(session, creator_id, profile, Review.forgotten_ms.is_(None), at_ms)
    return at_ms


def recall(session: Session, creator_id: str, profile: str, at_ms: int) -> None:
    """What was forgotten at that moment teaches again."""
    _mark(session, creator_id, profile, Review.forgotten_ms == at_ms, None)


def _mark(
    session: Session, creator_id: str, profile: str, which: ColumnElement[bool], at_ms: int | None
) -> None:
    whose = (Review.creator_id == creator_id) & Review.profile.in_((profile, UNKNOWN))
    session.execute(update(Review).where(whose, which).values(forgotten_ms=at_ms))
