"""A clip's claim as tests sign it."""

from datetime import UTC, datetime

from pipeline.provenance import ClipClaim
from pipeline.timeline import Span

GOAL = ClipClaim(
    title="The winning goal",
    clip_id="clip-7",
    recording_id="recording-3",
    recording_sha256="5e" * 32,
    recording_title="Saturday's final",
    recording_duration_ms=5_400_000,
    recording_mime="video/mp4",
    span=Span(61_250, 91_500),
    creator="Ann Example",
    created=datetime(2026, 5, 1, 12, 30, tzinfo=UTC),
)
