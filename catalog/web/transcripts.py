"""A clip's words as lines that can be read and clicked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.clip import Clip


@dataclass(frozen=True)
class Line:
    at_ms: int
    """From the clip's start."""
    words: Sequence[tuple[int, str]]


def lines(clip: Clip) -> list[Line]:
    segments = clip.transcript.segments if clip.transcript else []
    return [_line(segment, clip) for segment in segments]


def _line(segment: dict[str, Any], clip: Clip) -> Line:
    spoken = [(start, str(text).strip()) for start, _, text, *_ in segment.get("words") or ()]
    whole = [(segment["start_ms"], str(segment["text"]).strip())]
    words = [(_inside(start, clip), text) for start, text in spoken or whole if text]
    return Line(_inside(segment["start_ms"], clip), words)


def _inside(recording_ms: int, clip: Clip) -> int:
    """From the recording's time to the clip's own."""
    return min(max(recording_ms - clip.start_ms, 0), clip.length_ms)
