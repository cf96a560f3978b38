"""What a clip's manifest says. An allow-list: a value that ClipClaim does not name can't get in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pipeline.timeline import Span

# fmt: off
PARAMETERS = frozenset({
    "codec", "profile", "preset", "crf", "bitrate", "size", "width", "height", "fps",
    "pixel_format", "container", "gop", "video_codec", "video_bitrate", "audio_codec",
    "audio_bitrate", "sample_rate", "channels", "loudness_lufs",
})
# fmt: on
"""The only names of encoding parameters that are carried into a manifest."""

CLIP = "org.reelyard.clip"
RECORDING = "org.reelyard.recording"
TRAINING = (
    "cawg.ai_inference",
    "cawg.ai_training",
    "cawg.ai_generative_training",
    "cawg.data_mining",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipClaim:
    title: str
    clip_id: str
    recording_id: str
    recording_sha256: str
    recording_title: str
    recording_duration_ms: int
    recording_mime: str
    span: Span
    """Of the recording."""
    creator: str
    created: datetime
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    software: Sequence[tuple[str, str]] = ()
    """(name, version); the first one made the file."""
    speech_engine: str | None = None
    speech_version: str | None = None
    speech_quality: str | None = None
    highlight_score: float | None = None
    highlight_reasons: Mapping[str, float] = field(default_factory=dict)
    allow_ai_training: bool = False


def definition(claim: ClipClaim, kind: str, rest: str | None) -> dict[str, Any]:
    """`rest`: for an MP4, the sha256 of what C2PA leaves out of its hash."""
    assertions = {
        "c2pa.actions.v2": _actions(claim),
        "cawg.training-mining": {
            "entries": {
                use: {"use": "allowed" if claim.allow_ai_training else "notAllowed"}
                for use in TRAINING
            }
        },
        CLIP: {"clip_id": claim.clip_id} | ({"rest_sha256": rest} if rest else {}),
    }
    if claim.speech_engine:
        assertions["org.reelyard.speech"] = {
            "engine": _public(claim.speech_engine),
            "version": _public(claim.speech_version or ""),
            "quality": _public(claim.speech_quality or ""),
        }
    if claim.highlight_score is not None:
        assertions["org.reelyard.highlight"] = {
            "score": round(claim.highlight_score, 4),
            "reasons": {
                _public(name): round(part, 4) for name, part in claim.highlight_reasons.items()
            },
        }
    linked_data = {
        "@context": {"dc": "http://purl.org/dc/elements/1.1/"},
        "dc:creator": [_public(claim.creator)],
        "dc:title": _public(claim.title),
    }
    stated = [{"label": label, "data": data} for label, data in assertions.items()]
    stated.append({"label": "cawg.metadata", "kind": "Json", "data": linked_data})
    return {
        "claim_version": 2,
        "claim_generator_info": [_generator()],
        "title": _public(claim.title),
        "format": kind,
        "ingredients": [_ingredient(claim)],
        "assertions": [one | {"created": True} for one in stated],
    }


def _ingredient(claim: ClipClaim) -> dict[str, Any]:
    """Said, not streamed: hours of recording are not hashed again for each of its clips."""
    return {
        "label": "recording",
        "relationship": "parentOf",
        "title": _file_name(_public(claim.recording_title)),
        "format": claim.recording_mime,
        "instance_id": f"urn:reelyard:recording:{claim.recording_id}",
        "metadata": {
            RECORDING: {
                "id": claim.recording_id,
                "sha256": claim.recording_sha256,
                "duration_ms": claim.recording_duration_ms,
                "start_ms": claim.span.start_ms,
                "end_ms": claim.span.end_ms,
            },
            "regionOfInterest": {"region": [{"type": "temporal", "time": _npt(claim.span)}]},
        },
    }


def _actions(claim: ClipClaim) -> dict[str, Any]:
    agents = [{"name": _public(name), "version": _public(at)} for name, at in claim.software]
    by = {"when": claim.created.astimezone(UTC).isoformat(timespec="seconds")}
    made = by | ({"softwareAgentIndex": 0} if agents else {})
    span = {"from_ms": claim.span.start_ms, "to_ms": claim.span.end_ms}
    encoding = {
        name: _public(value) if isinstance(value, str) else value
        for name, value in claim.parameters.items()
        if name in PARAMETERS
    }
    actions = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": ["recording"]}, **by},
        {"action": "c2pa.trimmed", "parameters": span, **made},
        {"action": "c2pa.transcoded", "parameters": encoding, **made},
    ]
    return {"actions": actions, "allActionsIncluded": True, "softwareAgents": agents}


def _npt(span: Span) -> dict[str, str]:
    start, end = span.start_ms / 1000, span.end_ms / 1000
    return {"type": "npt", "start": f"{start:.3f}", "end": f"{end:.3f}"}


def _generator() -> dict[str, str]:
    try:
        return {"name": "Reelyard", "version": metadata.version("reelyard")}
    except metadata.PackageNotFoundError:
        return {"name": "Reelyard"}


def _public(text: str) -> str:
    """One line without control characters or e-mail addresses, at most 300 characters."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return re.sub(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+", "…", line)[:300]


def _file_name(title: str) -> str:
    """A title that is an absolute path or an address keeps its last part only."""
    is_path = re.match(r"(/|~/|\\\\|[A-Za-z]:[\\/]|[A-Za-z][\w+.-]*:/)", title)
    return re.split(r"[\\/]", title.rstrip("\\/"))[-1] if is_path else title
