"""Kinds of recording, as data: what counts in a talk, a game, a match, on a stage."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

CROWD = ("cheer", "applause", "laughter")
PARTS = (
    *CROWD,
    "excited speech",
    "loudness",
    "impact",
    "motion",
    "cue words",
    "question",
    "chat",
    "rating",
)
"""What a score is made of, by the name that people read."""

MOST = 0.98
"""No single part is ever proof."""


@dataclass(frozen=True)
class Profile:
    """`weights`: by part, how likely a moment is a highlight by that part alone, at its fullest."""

    weights: Mapping[str, float]
    least_ms: int
    most_ms: int
    before_ms: int
    """How far before its peak a moment without a crowd's reaction begins, at most."""
    after_ms: int

    def taught(self, factors: Mapping[str, float]) -> "Profile":
        """With what a creator's reviews have multiplied its weights by."""
        changed = {
            name: round(min(MOST, weight * factors.get(name, 1.0)), 4)
            for name, weight in self.weights.items()
        }
        return replace(self, weights=changed)


def _crowd(sure: float) -> dict[str, float]:
    return dict.fromkeys(CROWD, sure)


PROFILES = {
    # A crowd tells: what it does not react to is no moment, however loud or quick.
    "stage": Profile(
        {
            **_crowd(0.8),
            "excited speech": 0.07,
            "loudness": 0.06,
            "impact": 0.04,
            "motion": 0.05,
            "cue words": 0.08,
            "question": 0.05,
            "chat": 0.3,
            "rating": 0.2,
        },
        least_ms=6_000,
        most_ms=60_000,
        before_ms=12_000,
        after_ms=6_000,
    ),
    "sport": Profile(
        {
            **_crowd(0.8),
            "excited speech": 0.42,
            "loudness": 0.12,
            "impact": 0.1,
            "motion": 0.55,
            "cue words": 0.15,
            "question": 0.0,
            "chat": 0.5,
            "rating": 0.3,
        },
        least_ms=8_000,
        most_ms=40_000,
        before_ms=10_000,
        after_ms=6_000,
    ),
    "talk": Profile(
        {
            **_crowd(0.75),
            "excited speech": 0.5,
            "loudness": 0.04,
            "impact": 0.0,
            "motion": 0.02,
            "cue words": 0.42,
            "question": 0.45,
            "chat": 0.5,
            "rating": 0.6,
        },
        least_ms=15_000,
        most_ms=75_000,
        before_ms=30_000,
        after_ms=30_000,
    ),
    "game": Profile(
        {
            **_crowd(0.6),
            "excited speech": 0.48,
            "loudness": 0.15,
            "impact": 0.45,
            "motion": 0.3,
            "cue words": 0.25,
            "question": 0.0,
            "chat": 0.6,
            "rating": 0.4,
        },
        least_ms=12_000,
        most_ms=45_000,
        before_ms=14_000,
        after_ms=6_000,
    ),
}
AUTO = "auto"
NAMES = (AUTO, *PROFILES)


@dataclass(frozen=True)
class Facts:
    """What tells the kinds apart."""

    minutes: float
    reactions: int
    """Sure ones."""
    heard: float
    """Shares of the time, 0..1: anything is heard,"""
    spoken: float
    """somebody speaks,"""
    other: float
    """music or other noise stands out."""
    impacts: float
    """A minute."""
    pictured: bool


def recognised(facts: Facts) -> str:
    """The name of the profile that `auto` stands for in this recording."""
    if facts.reactions and facts.reactions >= 0.15 * facts.minutes:
        return "stage"
    if facts.pictured and facts.heard < 0.1:
        return "sport"
    if facts.impacts >= 1 and facts.spoken < 0.8 and facts.minutes >= 0.5:
        return "game"
    if facts.spoken >= 0.3:
        return "talk"
    return "game" if facts.other > 0.5 and facts.impacts >= 0.3 else "sport"
