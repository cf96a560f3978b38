"""Values on a recording's time line. Times are integer milliseconds from its first frame."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """start_ms is inside, end_ms is not."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms

    def overlap_ms(self, other: "Span") -> int:
        """0 where they do not touch."""
        return max(0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


@dataclass(frozen=True, slots=True)
class Word:
    start_ms: int
    end_ms: int
    text: str
    confidence: float
    """0..1, as the engine says it; engines differ."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of words between two pauses."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Highlight:
    """A scored span, not yet cut. `reasons` are named parts that sum to `score` (0..1)."""

    span: Span
    peak_ms: int
    score: float
    reasons: dict[str, float] = field(default_factory=dict)
    chosen: bool = True
    why_not: str = ""
    """For a candidate that was not chosen: what beat it, in words a creator understands."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A span that might be a highlight, before anything is weighed."""

    span: Span
    peak_ms: int
    evidence: dict[str, float]
    """By part (pipeline.kinds.PARTS), 0..1: how much of it there is."""
    likeness: dict[str, float] = field(default_factory=dict)
    """What the stretch sounds like otherwise, 0..1, for the words that reject it."""
