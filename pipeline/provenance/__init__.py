"""Signed provenance of clips (C2PA): the signer's chain, what is said, signing, the verdict."""

from pipeline.provenance.chain import Chain, ChainBroken, anchors, ensure_chain
from pipeline.provenance.copies import CopyClaim, Part, ReelClaim
from pipeline.provenance.manifest import ClipClaim
from pipeline.provenance.signing import sign
from pipeline.provenance.verify import Verdict, manifest_json, read

__all__ = [
    "Chain",
    "ChainBroken",
    "ClipClaim",
    "CopyClaim",
    "Part",
    "ReelClaim",
    "Verdict",
    "anchors",
    "ensure_chain",
    "manifest_json",
    "read",
    "sign",
]
