"""What a file is licensed for: by its exact bytes, by the manifest in it, or by its signature."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from catalog import certificates, keys
from catalog.certificates import Verdict
from catalog.errors import BadRequest, CatalogError, NotFound, TooMany
from catalog.times import written as clock
from models.base import reading
from models.clip import Asset, AssetKind, Clip
from models.settings import settings
from models.storage import sha256_of

AT_ONCE = 2
WAIT_S, WALL_S = 20, 75
KNOWN = (AssetKind.DELIVERY, AssetKind.MASTER, AssetKind.PREVIEW)
_places = threading.BoundedSemaphore(AT_ONCE)
Said = Literal["license", "not licensed", "changed", "somebody else's", "unknown"]


class Busy(TooMany):
    status = 503
    title = "Other files are being looked at"


class Unreadable(CatalogError):
    status = 422
    title = "This file can't be looked at"


@dataclass(frozen=True)
class Found:
    """`said` is "license" where the file leads to one: its verdict then says whether it holds."""

    said: Said
    sentence: str
    by: Literal["bytes", "manifest", "signature", ""] = ""
    license: Verdict | None = None
    clip: Clip | None = None
    problems: tuple[str, ...] = ()


def license_id(text: str) -> str:
    """Of what was typed or pasted: the id, or the address that ends in it. Raises BadRequest."""
    word = text.strip().rstrip("/").rpartition("/")[2].partition("?")[0].replace("-", "").lower()
    if len(word) != 32 or not set(word) <= set("0123456789abcdef"):
        raise BadRequest("A license id has 32 letters and digits, 0 to 9 and a to f.")
    return word


def examine(path: Path) -> Found:
    """No transaction stays open while the file is read. Raises Busy, Unreadable."""
    if path.stat().st_size <= keys.MOST_BYTES:
        found = _by_signature(path)
        if found is not None:
            return found
    sha256 = sha256_of(path)
    with reading() as session:
        found = _by_bytes(session, sha256)
    if found is not None:
        return found
    said = _manifest(path)
    with reading() as session:
        return _by_manifest(session, said)


def _by_signature(path: Path) -> Found | None:
    """None where it is no signed license at all."""
    try:
        document = keys.read_json(path.read_bytes())
    except ValueError:
        return None
    if document.get("schema") != certificates.SCHEMA:
        return None
    with reading() as session:
        told = keys.check(document, keys.published(certificates.key_folder()))
        if told == "valid":
            return _licensed(session, document["license"], "signature")
    if told == "unknown key":
        return Found("somebody else's", "This license was not signed by this Reelyard.")
    return Found("changed", "This license was changed after it was signed: it proves nothing.")


def _by_bytes(session: Session, sha256: str) -> Found | None:
    first = case({kind: at for at, kind in enumerate(KNOWN)}, value=Asset.kind)
    asset = session.scalars(
        select(Asset)
        .where(Asset.sha256 == sha256, Asset.kind.in_(KNOWN), Asset.clip_id.is_not(None))
        .order_by(first, Asset.created_ms, Asset.id)
    ).first()
    if asset is None or asset.clip is None:
        return None
    if asset.license_id:
        return _licensed(session, asset.license_id, "bytes")
    what = "the preview" if asset.kind == AssetKind.PREVIEW else "the master"
    return _unlicensed(asset.clip, what, "bytes")


def _by_manifest(session: Session, said: dict[str, Any]) -> Found:
    problems = tuple(str(one) for one in said.get("problems") or ())
    if said["state"] == "Invalid":
        return Found(
            "changed",
            "This file was changed after it was signed, so what it says of itself proves nothing.",
            problems=problems,
        )
    if said["state"] == "Valid":
        other = "It is unchanged since it was signed, but not by this Reelyard."
        return Found("somebody else's", f"Not licensed here. {other}", problems=problems)
    if said["state"] != "Trusted":
        none = "It is no file of this Reelyard, and carries no signed manifest that says more."
        return Found("unknown", f"Not licensed, as far as this file tells. {none}")
    if said.get("license_id"):
        return _licensed(session, said["license_id"], "manifest")
    clip = session.get(Clip, said["clip_id"]) if said.get("clip_id") else None
    if clip is None:
        gone = "It was signed by this Reelyard, but its clip is no longer known here."
        return Found("unknown", f"Not licensed, as far as this file tells. {gone}", "manifest")
    return _unlicensed(clip, "a copy without a license in it", "manifest")


def _licensed(session: Session, id_: str, by: Literal["bytes", "manifest", "signature"]) -> Found:
    try:
        verdict = certificates.verdict(session, id_)
    except NotFound:
        gone = f"It names the license {id_[:40]}, which is not known here."
        return Found("unknown", f"Not licensed, as far as this house knows. {gone}", by)
    clip = _whole(session.get(Clip, verdict.clip_id))
    return Found("license", verdict.sentence, by, license=verdict, clip=clip)


def _unlicensed(clip: Clip, what: str, by: Literal["bytes", "manifest"]) -> Found:
    """A licensed copy names its license; this one does not."""
    span = f"{clock(clip.start_ms)} to {clock(clip.end_ms)}"
    said = f"Not licensed: it is {what} of “{clip.title}”, from “{clip.recording.title}”, {span}."
    return Found("not licensed", said, by, clip=_whole(clip))


def _whole(clip: Clip | None) -> Clip | None:
    """With what a page shows of it, before its session ends."""
    if clip is not None:
        _ = clip.recording.creator, clip.listing, clip.assets
    return clip


def _manifest(path: Path) -> dict[str, Any]:
    """Read by the media child: a stranger's file is nothing for the process that serves pages."""
    if not _places.acquire(timeout=WAIT_S):
        raise Busy("Two files are being looked at. Try again in a moment.", 10)
    try:
        roots = [part for pem in _anchors() for part in ("--anchors", str(pem))]
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "verify", str(path), "--json", *roots],
            capture_output=True,
            timeout=WALL_S,
            check=False,
        )
        said = json.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        said = None
    finally:
        _places.release()
    if not isinstance(said, dict):
        raise Unreadable("Its manifest can't be read: the file may be damaged.")
    return said


def _anchors() -> list[Path]:
    """The roots of the house's own signers and of the operator's; see pipeline.provenance."""
    folder = settings().resolved_keys
    return [pem for pem in (folder / "anchors.pem", folder / "own" / "anchors.pem") if pem.exists()]
