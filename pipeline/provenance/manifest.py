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
        "cawg.training-mining": training(claim.allow_ai_training),
        CLIP: {"clip_id": claim.clip_id} | ({"rest_sha256": rest} if rest else {}),
    }
    if claim.speech_engine:
        assertions["org.reelyard.speech"] = {
            "engine": public(claim.speech_engine),
            "version": public(claim.speech_version or ""),
            "quality": public(claim.speech_quality or ""),
        }
    if claim.highlight_score is not None:
        assertions["org.reelyard.highlight"] = {
            "score": round(claim.highlight_score, 4),
            "reasons": {
                public(name): round(part, 4) for name, part in claim.highlight_reasons.items()
            },
        }
    made = defined(title=claim.title, kind=kind, creator=claim.creator, assertions=assertions)
    return made | {"ingredients": [_ingredient(claim)]}


def defined(
    *, title: str, kind: str, creator: str, assertions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A manifest without its ingredients."""
    linked_data = {
        "@context": {"dc": "http://purl.org/dc/elements/1.1/"},
        "dc:creator": [public(creator)],
        "dc:title": public(title),
    }
    stated: list[dict[str, Any]] = [
        {"label": label, "data": data} for label, data in assertions.items()
    ]
    stated.append({"label": "cawg.metadata", "kind": "Json", "data": linked_data})
    return {
        "claim_version": 2,
        "claim_generator_info": [_generator()],
        "title": public(title),
        "format": kind,
        "assertions": [one | {"created": True} for one in stated],
    }


def training(allowed: bool) -> dict[str, Any]:
    use = {"use": "allowed" if allowed else "notAllowed"}
    return {"entries": dict.fromkeys(TRAINING, use)}


def agents(software: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": public(name), "version": public(at)} for name, at in software]


def made_by(
    created: datetime, software: Sequence[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each action says of when; and of when and by which software."""
    by = {"when": created.astimezone(UTC).isoformat(timespec="seconds")}
    return by, by | ({"softwareAgentIndex": 0} if software else {})


def encoding(parameters: Mapping[str, str | int | float]) -> dict[str, str | int | float]:
    return {
        name: public(value) if isinstance(value, str) else value
        for name, value in parameters.items()
        if name in PARAMETERS
    }


def _ingredient(claim: ClipClaim) -> dict[str, Any]:
    """Said, not streamed: hours of recording are not hashed again for each of its clips."""
    return {
        "label": "recording",
        "relationship": "parentOf",
        "title": _file_name(public(claim.recording_title)),
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
    by, made = made_by(claim.created, claim.software)
    span = {"from_ms": claim.span.start_ms, "to_ms": claim.span.end_ms}
    actions = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": ["recording"]}, **by},
        {"action": "c2pa.trimmed", "parameters": span, **made},
        {"action": "c2pa.transcoded", "parameters": encoding(claim.parameters), **made},
    ]
    return {
        "actions": actions,
        "allActionsIncluded": True,
        "softwareAgents": agents(claim.software),
    }


def _npt(span: Span) -> dict[str, str]:
    start, end = span.start_ms / 1000, span.end_ms / 1000
    return {"type": "npt", "start": f"{start:.3f}", "end": f"{end:.3f}"}


def _generator() -> dict[str, str]:
    try:
        return {"name": "Reelyard", "version": metadata.version("reelyard")}
    except metadata.PackageNotFoundError:
        return {"name": "Reelyard"}


def public(text: str) -> str:
    """One line without control characters or e-mail addresses, at most 300 characters."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return re.sub(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+", "…", line)[:300]


def _file_name(title: str) -> str:
    """A title that is an absolute path or an address keeps its last part only."""
    is_path = re.match(r"(/|~/|\\\\|[A-Za-z]:[\\/]|[A-Za-z][\w+.-]*:/)", title)
    return re.split(r"[\\/]", title.rstrip("\\/"))[-1] if is_path else title
