"""What is said of works made from clips: a licensed copy of one, a reel of several.

Their ingredients are the clips' own files, so each manifest is inside: recording, clip, copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.provenance.manifest import (
    CLIP,
    agents,
    defined,
    encoding,
    made_by,
    public,
    training,
)

LICENSE = "org.reelyard.license"
REEL = "org.reelyard.reel"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeCapture"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyClaim:
    """Nothing of the licensee: whoever holds the file may look the license up."""

    title: str
    clip_id: str
    clip: Path
    """Its signed master."""
    license_id: str
    license_kind: str
    ends: datetime | None
    """None where the license does not end."""
    verify_url: str
    creator: str
    created: datetime
    marked: bool = False
    """It is the preview, encoded anew and with a mark; else every frame is the clip's own."""
    software: Sequence[tuple[str, str]] = ()
    allow_ai_training: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    clip_id: str
    title: str
    path: Path
    at_ms: int
    """Where it begins in the reel."""
    length_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelClaim:
    title: str
    clip_id: str
    parts: Sequence[Part]
    creator: str
    created: datetime
    parameters: dict[str, str | int | float] = field(default_factory=dict)
    software: Sequence[tuple[str, str]] = ()
    highlight_score: float | None = None
    allow_ai_training: bool = False


def copy_definition(claim: CopyClaim, kind: str, rest: str | None) -> dict[str, Any]:
    by, made = made_by(claim.created, claim.software)
    actions = [{"action": "c2pa.opened", "parameters": {"ingredientIds": ["clip"]}, **by}]
    if claim.marked:
        watermark = {"description": "A visible mark was put over the picture or into the sound."}
        actions += [
            {"action": "c2pa.edited", "parameters": watermark, **made},
            {"action": "c2pa.transcoded", **made},
        ]
    else:
        actions.append({"action": "c2pa.published", **by})
    ends = claim.ends.astimezone(UTC).isoformat(timespec="seconds") if claim.ends else None
    return defined(
        title=claim.title,
        kind=kind,
        creator=claim.creator,
        assertions={
            "c2pa.actions.v2": {
                "actions": actions,
                "allActionsIncluded": True,
                "softwareAgents": agents(claim.software),
            },
            "cawg.training-mining": training(claim.allow_ai_training),
            CLIP: {"clip_id": claim.clip_id} | ({"rest_sha256": rest} if rest else {}),
            LICENSE: {
                "id": claim.license_id,
                "kind": public(claim.license_kind),
                "verify_url": claim.verify_url,
                **({"ends": ends} if ends else {}),
            },
        },
    )


def copy_ingredients(claim: CopyClaim) -> list[tuple[dict[str, Any], Path]]:
    said = {
        "label": "clip",
        "relationship": "parentOf",
        "title": public(claim.title),
        "instance_id": f"urn:reelyard:clip:{claim.clip_id}",
    }
    return [(said, claim.clip)]


def reel_definition(claim: ReelClaim, kind: str, rest: str | None) -> dict[str, Any]:
    by, made = made_by(claim.created, claim.software)
    placed = [
        {
            "action": "c2pa.placed",
            "parameters": {
                "ingredientIds": [_label(number)],
                "at_ms": part.at_ms,
                "length_ms": part.length_ms,
            },
            **by,
        }
        for number, part in enumerate(claim.parts)
    ]
    joined = {"description": "Clips of one recording, joined in order of time."}
    actions = [
        {"action": "c2pa.created", "digitalSourceType": COMPOSITE, **made},
        *placed,
        {"action": "c2pa.edited", "parameters": joined, **made},
        {"action": "c2pa.transcoded", "parameters": encoding(claim.parameters), **made},
    ]
    assertions: dict[str, dict[str, Any]] = {
        "c2pa.actions.v2": {
            "actions": actions,
            "allActionsIncluded": True,
            "softwareAgents": agents(claim.software),
        },
        "cawg.training-mining": training(claim.allow_ai_training),
        CLIP: {"clip_id": claim.clip_id} | ({"rest_sha256": rest} if rest else {}),
        REEL: {
            "parts": [
                {"clip_id": part.clip_id, "at_ms": part.at_ms, "length_ms": part.length_ms}
                for part in claim.parts
            ]
        },
    }
    if claim.highlight_score is not None:
        assertions["org.reelyard.highlight"] = {"score": round(claim.highlight_score, 4)}
    return defined(title=claim.title, kind=kind, creator=claim.creator, assertions=assertions)


def reel_ingredients(claim: ReelClaim) -> list[tuple[dict[str, Any], Path]]:
    return [
        (
            {
                "label": _label(number),
                "relationship": "componentOf",
                "title": public(part.title),
                "instance_id": f"urn:reelyard:clip:{part.clip_id}",
            },
            part.path,
        )
        for number, part in enumerate(claim.parts)
    ]


def _label(number: int) -> str:
    return f"clip-{number + 1}"
