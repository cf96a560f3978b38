"""Reading a manifest back, with a verdict in words that a person understands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import c2pa

from pipeline.provenance.copies import LICENSE, REEL
from pipeline.provenance.manifest import CLIP, RECORDING, TRAINING
from pipeline.provenance.uncovered import is_canonical, rest_sha256
from pipeline.timeline import Span

LONGEST_CHAIN = 8
State = Literal["Trusted", "Valid", "Invalid", "None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`Valid`: unchanged, but signed by somebody unknown. The fields are what the manifest says."""

    state: State
    problems: tuple[str, ...] = ()
    recording_id: str | None = None
    recording_sha256: str | None = None
    recording_title: str | None = None
    span: Span | None = None
    clip_id: str | None = None
    title: str | None = None
    creator: str | None = None
    signed_by: str | None = None
    signed_at: datetime | None = None
    """The time stamp authority's time; without one, the signer's own word."""
    ai_training: bool | None = None
    """None: the manifest does not say."""
    actions: tuple[str, ...] = ()
    license_id: str | None = None
    """Of a licensed copy; its clip and recording are then those of the copied clip."""
    license_kind: str | None = None
    license_ends: datetime | None = None
    verify_url: str | None = None
    part_clip_ids: tuple[str, ...] = ()
    """Of a reel, in their order."""


def read(path: Path, anchors_pem: str) -> Verdict:
    """Never raises for what is in the file; OSError where it can't be opened."""
    try:
        store = _store(path, anchors_pem)
    except (c2pa.C2paError, ValueError) as error:
        return _unreadable(str(error))
    active = _word(store.get("active_manifest")) or ""
    manifest = _mapping(_mapping(store.get("manifests")).get(active))
    state = store.get("validation_state")
    verdict = replace(
        _said(manifest, _mapping(store.get("manifests"))),
        state=state if state in ("Trusted", "Valid") else "Invalid",
        problems=_problems(_mapping(store.get("validation_results"))),
    )
    return _strict(path, verdict, manifest)


def manifest_json(path: Path, anchors_pem: str = "") -> dict[str, Any]:
    """The manifest store as C2PA's reader writes it; {} where there is none that can be read."""
    try:
        return _store(path, anchors_pem)
    except (c2pa.C2paError, ValueError):
        return {}


def context(anchors_pem: str) -> Any:
    """Made for each use: a context must not cross a fork, and costs well under a millisecond."""
    return c2pa.Context(
        settings=c2pa.Settings.from_dict(
            {
                "version": 1,
                "trust": {"trust_anchors": anchors_pem} if anchors_pem else {},
                "verify": {
                    "verify_trust": True,
                    "remote_manifest_fetch": False,
                    "ocsp_fetch": False,
                    # _check_signed does it, and asks for more.
                    "verify_after_sign": False,
                },
                "builder": {"thumbnail": {"enabled": False}},
            }
        )
    )


def _store(path: Path, anchors_pem: str) -> dict[str, Any]:
    with (
        path.open("rb") as file,
        c2pa.Reader(None, file, context=context(anchors_pem)) as reader,
    ):
        return _mapping(json.loads(reader.json()))


def _said(manifest: Mapping[str, Any], others: Mapping[str, Any]) -> Verdict:
    """Of a manifest by anybody at all: each value is looked at before it is believed to be one."""
    data = _assertions(manifest)
    parent, recording = _recording(manifest, others)
    start, end = recording.get("start_ms"), recording.get("end_ms")
    actions = [
        _mapping(one)
        for label in ("c2pa.actions.v2", "c2pa.actions")
        for one in _listed(data.get(label, {}).get("actions"))
    ]
    creators = [_word(one) for one in _listed(data.get("cawg.metadata", {}).get("dc:creator"))]
    signature = _mapping(manifest.get("signature_info"))
    license = data.get(LICENSE, {})  # noqa: A001 (the noun; nobody wants the builtin here)
    parts = map(_mapping, _listed(data.get(REEL, {}).get("parts")))
    return Verdict(
        state="None",
        recording_id=_word(recording.get("id")),
        recording_sha256=_word(recording.get("sha256")),
        recording_title=_word(parent.get("title")),
        span=Span(start, end) if isinstance(start, int) and isinstance(end, int) else None,
        clip_id=_word(data.get(CLIP, {}).get("clip_id")),
        title=_word(manifest.get("title")),
        creator=", ".join(filter(None, creators)) or None,
        signed_by=_word(signature.get("common_name")) or _word(signature.get("issuer")),
        signed_at=_moment(signature.get("time") or (actions[0].get("when") if actions else None)),
        ai_training=_training(data.get("cawg.training-mining")),
        actions=tuple(filter(None, (_word(one.get("action")) for one in actions))),
        license_id=_word(license.get("id")),
        license_kind=_word(license.get("kind")),
        license_ends=_moment(license.get("ends")),
        verify_url=_word(license.get("verify_url")),
        part_clip_ids=tuple(filter(None, (_word(one.get("clip_id")) for one in parts))),
    )


def _recording(
    manifest: Mapping[str, Any], others: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parent that is a recording, and what is said of it: a copy's is its clip's."""
    for _ in range(LONGEST_CHAIN):
        parent = _parent(manifest)
        recording = _mapping(_mapping(parent.get("metadata")).get(RECORDING))
        above = _mapping(others.get(_word(parent.get("active_manifest")) or ""))
        if recording or not above:
            return parent, recording
        manifest = above
    return {}, {}


def _parent(manifest: Mapping[str, Any]) -> dict[str, Any]:
    named = map(_mapping, _listed(manifest.get("ingredients")))
    return next((one for one in named if one.get("relationship") == "parentOf"), {})


def _assertions(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = map(_mapping, _listed(manifest.get("assertions")))
    return {_word(one.get("label")) or "": _mapping(one.get("data")) for one in found}


def _training(assertion: Mapping[str, Any] | None) -> bool | None:
    entries = _mapping((assertion or {}).get("entries"))
    uses = [_mapping(entries.get(name)).get("use") for name in TRAINING if "_training" in name]
    known = [use for use in uses if use is not None]
    return all(use == "allowed" for use in known) if known else None


def _strict(path: Path, verdict: Verdict, manifest: Mapping[str, Any]) -> Verdict:
    """For our own clips, also what C2PA leaves open. Others lay out their boxes as they like."""
    clip = _assertions(manifest).get(CLIP)
    if verdict.state != "Trusted" or clip is None:
        return verdict
    found = []
    if "rest_sha256" in clip and clip["rest_sha256"] != rest_sha256(path):
        found.append("the file's header or filler was changed after signing (ftyp, free)")
    if not is_canonical(path):
        found.append("the padding or layout of the manifest was changed after signing")
    if not found:
        return verdict
    return replace(verdict, state="Invalid", problems=(*verdict.problems, *found))


_WORDS = {
    "": "C2PA's check failed",
    "algorithm": "the manifest itself was changed",
    "assertion": "the manifest itself was changed",
    "assertion.bmffHash": "the picture or sound was changed after signing",
    "assertion.dataHash": "the picture was changed after signing",
    "claim": "the manifest itself was changed",
    "claimSignature": "the manifest itself was changed: its signature does not fit",
    "claimSignature.outsideValidity": "it was signed when the signer's certificate was not valid",
    "ingredient": "what it says of the recording does not hold",
    "signingCredential": "the signer's certificate can't be relied on",
    "signingCredential.untrusted": "signed by somebody this Reelyard does not know",
    "signingCredential.expired": "the signer's certificate has expired",
    "signingCredential.invalid": "the signer's certificate is not one for signing media",
    "signingCredential.ocsp.revoked": "the signer's certificate was revoked",
    "timeStamp": "its time stamp can't be relied on",
}


def _problems(results: Mapping[str, Any]) -> tuple[str, ...]:
    checked = [_mapping(results.get("activeManifest"))]
    for delta in map(_mapping, _listed(results.get("ingredientDeltas"))):
        checked.append(_mapping(delta.get("validationDeltas")))
    codes = [
        _word(_mapping(failure).get("code")) or "unknown"
        for part in checked
        for failure in _listed(part.get("failure"))
    ]
    return tuple(f"{_in_words(code)} ({code})" for code in dict.fromkeys(codes))


def _in_words(code: str) -> str:
    parts = code.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), -1, -1))
    return next(_WORDS[prefix] for prefix in prefixes if prefix in _WORDS)


def _unreadable(error: str) -> Verdict:
    """C2PA raises, rather than judges, where it can't find or parse the manifest."""
    if error.startswith("ManifestNotFound"):
        return Verdict(state="None", problems=("no manifest",))
    if error.startswith("Remote"):
        elsewhere = "no manifest in the file, only an address of one, which is not asked"
        return Verdict(state="None", problems=(elsewhere,))
    if error.startswith("NotSupported"):
        return Verdict(state="None", problems=("no manifest: not a kind of file that holds one",))
    what = "the manifest itself was changed, and can't be read"
    if error.startswith(("Io", "Other: asset")):
        what = "the file is damaged or cut short, or something was added to it"
    return Verdict(state="Invalid", problems=(f"{what} ({error[:160]})",))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
