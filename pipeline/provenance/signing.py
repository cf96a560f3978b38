"""The signing itself: the last thing that is done to a clip's file."""

import os
import tempfile
from pathlib import Path
from typing import Any

import c2pa

from pipeline.errors import MediaError, Refused
from pipeline.provenance.chain import Chain, ChainBroken, signing_key
from pipeline.provenance.copies import (
    CopyClaim,
    ReelClaim,
    copy_definition,
    copy_ingredients,
    reel_definition,
    reel_ingredients,
)
from pipeline.provenance.manifest import ClipClaim, definition
from pipeline.provenance.uncovered import rest_sha256
from pipeline.provenance.verify import context, read

Claim = ClipClaim | CopyClaim | ReelClaim


def sign(src: Path, dst: Path, chain: Chain, claim: Claim, ta_url: str = "") -> bytes:
    """Sign an MP4 or a JPEG, as its last change; `dst` appears only if it then reads as Trusted.

    Answers the manifest's bytes. With `ta_url`, a time stamp authority that does not answer makes
    signing fail. Raises ChainBroken, Refused, MediaError.
    """
    kind = _kind(src)
    said, ingredients = _said(claim, kind, rest_sha256(src) if kind == "video/mp4" else None)
    algorithm, key = signing_key(chain)
    info = c2pa.C2paSignerInfo(
        algorithm.encode(), chain.chain_pem.encode(), key.encode(), ta_url.encode() or None
    )
    handle, name = tempfile.mkstemp(prefix=f".{dst.name[:80]}.", suffix=".part", dir=dst.parent)
    draft = Path(name)
    try:
        with (
            os.fdopen(handle, "w+b") as out,
            src.open("rb") as source,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(said, context=context(chain.anchors_pem)) as builder,
        ):
            for about, path in ingredients:
                with path.open("rb") as file:
                    builder.add_ingredient(about, _kind(path), file)
            manifest: bytes = builder.sign(signer, kind, source, out)
            out.flush()
            os.fsync(out.fileno())
        _check_signed(draft, chain)
        draft.chmod(src.stat().st_mode & 0o666)
        draft.replace(dst)
        _sync_folder(dst.parent)
    except c2pa.C2paError as error:
        raise _not_signed(str(error)) from error
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _said(
    claim: Claim, kind: str, rest: str | None
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Path]]]:
    """The manifest, and the files that are put into it as ingredients."""
    if isinstance(claim, CopyClaim):
        return copy_definition(claim, kind, rest), copy_ingredients(claim)
    if isinstance(claim, ReelClaim):
        return reel_definition(claim, kind, rest), reel_ingredients(claim)
    return definition(claim, kind, rest), []


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    raise Refused("Only an MP4 or a JPEG can be signed, and this file is neither.")


def _check_signed(draft: Path, chain: Chain) -> None:
    verdict = read(draft, chain.anchors_pem)
    if verdict.state != "Trusted":
        raise _not_signed("; ".join(verdict.problems))


def _not_signed(why: str) -> MediaError:
    if "ertificate" in why or "signingCredential" in why:
        return ChainBroken(f"The signer's certificate does not do for C2PA: {why[:300]}")
    return MediaError(f"The clip could not be signed: {why[:300]}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
