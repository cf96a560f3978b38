"""A user's file name is data: made presentable once, never a path."""

import re
import unicodedata
from pathlib import PurePath

LONGEST = 300


def clean(name: str) -> str:
    """NFC, no control or direction signs, no surrogates, at most 300 characters, never empty."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(
        " " if sign in "\r\n\t" else sign
        for sign in text
        if sign in "\r\n\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return re.sub(r"\s+", " ", kept).strip()[:LONGEST] or "unnamed"


def title_of(name: str) -> str:
    """ "2024-05_final match.MP4" reads as "2024-05 final match"."""
    stem = PurePath(clean(name).replace("/", " ")).stem
    return re.sub(r"[_\s]+", " ", stem).strip(" .") or "Untitled recording"


def safe_suffix(name: str) -> str:
    """For a key in the store: ".mp4"; letters and digits alone."""
    suffix = PurePath(clean(name).replace("/", " ")).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ".bin"
