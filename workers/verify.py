"""`reelyard verify FILE`: a clip by its manifest, a license by its signature."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from catalog import certificates, keys
from catalog.certificates import State
from catalog.errors import NotFound
from models.base import reading
from models.settings import settings
from pipeline import provenance
from pipeline.provenance.told import as_data
from workers.report import clock

Show = Callable[[Console], None]


def answer(file: Path, published: Path | None) -> tuple[dict[str, Any], bool, Show]:
    """As data, whether it holds, and what prints it for people. Raises ValueError, OSError."""
    document = license_in(file)
    if document is None:
        verdict = read(file)
        return as_data(verdict), verdict.state == "Trusted", partial(print_verdict, verdict)
    said = check(document, published)
    return said, said["state"] == State.LICENSED.value, partial(print_license, said)


def read(file: Path) -> provenance.Verdict:
    return provenance.read(file, provenance.anchors(settings().resolved_keys))


def license_in(file: Path) -> dict[str, Any] | None:
    """The document of a license; None where the file is something else. Raises ValueError for a
    damaged one.
    """
    with file.open("rb") as opened:
        text = opened.read(keys.MOST_BYTES + 1)
    if not text.lstrip().startswith(b"{"):
        return None
    document = keys.read_json(text)
    if not str(document.get("schema")).startswith("reelyard.license/"):
        raise ValueError("it is no license of a Reelyard")
    if document["schema"] != certificates.SCHEMA:
        raise ValueError(f"this Reelyard reads {certificates.SCHEMA}; a newer one may read it")
    return document


def check(document: dict[str, Any], published: Path | None) -> dict[str, Any]:
    """The signature, then the date, then what the own database knows. With `published` (a JWK set)
    neither settings nor database are touched. Raises ValueError, OSError.
    """
    known = (
        keys.jwks(published.read_bytes())
        if published
        else keys.published(certificates.key_folder())
    )
    signature = keys.check(document, known)
    said: dict[str, Any] = {"signature": signature, "state": None, "revoked_known": False}
    if signature != "valid":
        return said | {"sentence": _not_valid(signature)}
    try:
        state = certificates.state_by_date(document, datetime.now(UTC))
        told = None if published else _here(document["license"])
        state, revoked_ms = told or (state, None)
        sentence = certificates.sentence(document, state, revoked_ms)
        facts = {name: certificates.plain(value) for name, value in _facts(document).items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is signed, but lacks what a license says") from error
    return said | {
        "state": state.value,
        "revoked_known": told is not None,
        "sentence": certificates.plain(sentence),
        "facts": facts,
    }


def print_license(said: dict[str, Any], console: Console) -> None:
    console.print(Text(said["sentence"], style="bold"), soft_wrap=True)
    if said["signature"] != "valid":
        return
    console.print(Text("  The signature is valid: it is unchanged since it was signed."))
    for name, value in said["facts"].items():
        console.print(Text(f"  {name:<17} {value}"), soft_wrap=True)
    if not said["revoked_known"]:
        where = said["facts"]["Ask online"]
        told = f"  Whether it was revoked since is told online only: {where}"
        console.print(Text(told), soft_wrap=True)


def print_verdict(verdict: provenance.Verdict, console: Console) -> None:
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
        "License": verdict.license_id,
        "Licensed as": verdict.license_kind,
        "Licensed until": _second(verdict.license_ends),
        "Ask online": verdict.verify_url,
        "Signed by": verdict.signed_by,
        "Signed at": _second(verdict.signed_at),
        "Done to it": ", ".join(verdict.actions),
    }
    if verdict.span:
        facts["Span"] = f"{clock(verdict.span.start_ms)} to {clock(verdict.span.end_ms)}"
    if verdict.ai_training is not None:
        facts["AI training"] = "allowed" if verdict.ai_training else "not allowed"
    for name, value in facts.items():
        if value:
            console.print(Text(f"  {name:<17} {value}"), soft_wrap=True)


def _facts(document: dict[str, Any]) -> dict[str, str]:
    clip = document["clip"]
    start_ms, end_ms = clip["span_ms"]
    ends = document["ends"]
    return {
        "Licensed to": document["licensee"],
        "For": certificates.purpose(document),
        "Begins": certificates.written(document["starts"]),
        "Ends": certificates.written(ends) if ends else "it does not end",
        **dict(certificates.limits(document)),
        "Terms": f"{document['terms']['title']}, version {document['terms']['version']}",
        "Clip": f"{clip['title']} ({clip['id']})",
        "Recording": f"{clip['recording']['title']}, {clock(start_ms)} to {clock(end_ms)}",
        "Rights holder": document["rights_holder"]["name"],
        "Granted": certificates.written(document["granted"]),
        "License": document["license"],
        "Key": document["signature"]["key"],
        "Ask online": document["verify"],
    }


def _here(license_id: str) -> tuple[State, int | None] | None:
    """As this house's own database has it; None where it has no such license, or can't be asked."""
    try:
        with reading() as session:
            verdict = certificates.verdict(session, license_id)
    except (NotFound, SQLAlchemyError):
        return None
    return verdict.state, verdict.revoked_ms


def _not_valid(signature: keys.Signature) -> str:
    if signature == "unknown key":
        return (
            "Not to be relied on: it was signed with a key that is not among these. Save the keys "
            "of the house that granted it (its /.well-known/reelyard-keys.json) and give them by "
            "--keys."
        )
    return "Not to be relied on: it was changed after it was signed."


def _second(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else None
