"""`reelyard verify FILE`: the verdict on a clip's manifest, for people and as data."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from models.settings import settings
from pipeline import provenance
from workers.report import clock


def read(file: Path) -> provenance.Verdict:
    return provenance.read(file, provenance.anchors(settings().resolved_keys))


def as_data(verdict: provenance.Verdict) -> dict[str, Any]:
    data = asdict(verdict)
    if verdict.signed_at is not None:
        data["signed_at"] = verdict.signed_at.isoformat()
    return data


def print_verdict(console: Console, verdict: provenance.Verdict) -> None:
    sentences = {
        "Trusted": "Trusted: this is a clip of this Reelyard, unchanged since it was signed.",
        "Valid": "Unchanged since it was signed, but not by this Reelyard.",
        "Invalid": "Not to be trusted: it was changed, or its manifest does not hold.",
        "None": "It carries no manifest.",
    }
    console.print(Text(sentences[verdict.state], style="bold"))
    for problem in verdict.problems:
        console.print(Text(f"  - {problem}"), soft_wrap=True)
    facts = {
        "Title": verdict.title,
        "Clip": verdict.clip_id,
        "Recording": verdict.recording_title,
        "Recording sha256": verdict.recording_sha256,
        "Creator": verdict.creator,
        "Signed by": verdict.signed_by,
        "Signed at": f"{verdict.signed_at:%Y-%m-%d %H:%M:%S %Z}" if verdict.signed_at else None,
        "Done to it": ", ".join(verdict.actions),
    }
    if verdict.span:
        facts["Span"] = f"{clock(verdict.span.start_ms)} to {clock(verdict.span.end_ms)}"
    if verdict.ai_training is not None:
        facts["AI training"] = "allowed" if verdict.ai_training else "not allowed"
    for name, value in facts.items():
        if value:
            console.print(Text(f"  {name:<17} {value}"), soft_wrap=True)
