"""The certificate as a PDF: one page to keep, its signed JSON inside, its QR code to check it."""

import contextlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import segno
from PIL import Image, UnidentifiedImageError

from catalog import certificates, paper
from catalog.certificates import State, Verdict
from catalog.times import written as clock
from models.clip import AssetKind, Clip
from models.settings import settings
from models.storage import StoreDown, store

STILL = (104.0, 58.5)
QR = 34.0
MOST_PIXELS = 40_000_000
SIZES = ((36, 24), (80, 17))
"""Up to how many letters, a name is how large."""
LONGEST = 110
"""Of a title; the JSON has all of it."""


def draw(verdict: Verdict, still: bytes | None) -> bytes:
    """Equal bytes for an equal license, state and still."""
    document = verdict.document
    seller = settings().seller.split(";")[0].strip()
    granted = datetime.fromisoformat(document["granted"])
    on = paper.sheet(
        f"License {document['license']}",
        author=seller,
        foot=f"License {document['license']} · {document['verify']}",
        made_ms=int(granted.timestamp() * 1000),
    )
    paper.head(on, seller, "License certificate")
    _pictures(on, document, still)
    _who(on, verdict)
    _facts(on, document)
    _proof(on, document)
    on.embed_file(
        bytes=json.dumps(document, indent=1, ensure_ascii=False).encode(),
        basename=f"license-{document['license']}.json",
        mime_type="application/json",
        desc="The signed license",
        modification_date=granted.astimezone(UTC),
    )
    return paper.bytes_of(on)


def still_of(clip: Clip) -> bytes | None:
    """The poster; None where there is none to be had: the certificate does without."""
    poster = clip.asset(AssetKind.POSTER)
    if poster is None:
        return None
    with contextlib.suppress(KeyError, StoreDown):
        return b"".join(store().read(poster.key))
    return None


def _pictures(on: paper.Sheet, document: dict[str, Any], still: bytes | None) -> None:
    top = on.get_y()
    drawn = _still(on, still, top)
    left = paper.MARGIN + paper.WIDTH - QR
    _qr(on, document["verify"], left, top)
    on.set_xy(left, top + QR + 2)
    paper.text(on, "Scan it to see whether this license still holds.", size=8, grey=True)
    on.set_xy(paper.MARGIN, max(top + drawn, on.get_y()) + 8)


def _still(on: paper.Sheet, still: bytes | None, top: float) -> float:
    """Its height in mm; a file that is no picture is left out."""
    if still is None:
        return 0
    try:
        with Image.open(io.BytesIO(still)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return 0
            picture.load()
            shown = picture.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return 0
    shown.thumbnail((1280, 1280))
    scale = min(STILL[0] / shown.width, STILL[1] / shown.height)
    packed = io.BytesIO()
    shown.save(packed, "JPEG", quality=85)
    on.image(packed, paper.MARGIN, top, shown.width * scale, shown.height * scale)
    return shown.height * scale


def _qr(on: paper.Sheet, address: str, left: float, top: float) -> None:
    """As squares, so that it stays sharp at any size; its quiet zone is the page."""
    rows = [list(row) for row in segno.make(address, error="m", micro=False).matrix]
    size = QR / len(rows)
    on.set_fill_color(*paper.INK)
    for down, row in enumerate(rows):
        for along, dark in enumerate(row):
            if dark:
                on.rect(left + along * size, top + down * size, size, size, style="F")


def _who(on: paper.Sheet, verdict: Verdict) -> None:
    document = verdict.document
    if verdict.state in (State.REVOKED, State.EXPIRED, State.CHANGED):
        paper.text(on, verdict.sentence, size=12, bold=True, after=4)
    paper.text(on, "Licensed to", size=10, grey=True, after=0)
    name = document["licensee"]
    size = next((size for most, size in SIZES if len(name) <= most), 11)
    paper.text(on, name, size=size, bold=True, after=1)
    paper.text(on, f"for {certificates.purpose(document)}", size=12, after=6)
    paper.rule(on)


def _facts(on: paper.Sheet, document: dict[str, Any]) -> None:
    """What and when on the left, how much on the right."""
    clip, terms = document["clip"], document["terms"]
    start_ms, end_ms = clip["span_ms"]
    ends = document["ends"]
    top, left = on.get_y(), paper.WIDTH * 0.6
    what = [
        ("Clip", _short(clip["title"])),
        ("Recording", _short(clip["recording"]["title"])),
        ("Span", f"{clock(start_ms)} to {clock(end_ms)}"),
        ("Rights holder", _short(document["rights_holder"]["name"])),
        ("Terms", f"{terms['title']}, version {terms['version']}"),
        ("Begins", certificates.written(document["starts"])),
        ("Ends", certificates.written(ends) if ends else "It does not end"),
        ("Granted", certificates.written(document["granted"])),
    ]
    limits = [(name, _short(value)) for name, value in certificates.limits(document)]
    paper.facts(on, what, name_width=28, width=left - 6)
    below = on.get_y()
    if on.page_no() > 1:  # long titles: one column after the other
        return paper.facts(on, limits, name_width=28)
    on.set_xy(paper.MARGIN + left, top)
    paper.facts(on, limits, name_width=30, width=paper.WIDTH - left)
    on.set_xy(paper.MARGIN, max(below, on.get_y()))


def _proof(on: paper.Sheet, document: dict[str, Any]) -> None:
    if on.will_page_break(34):
        on.add_page()
    on.set_xy(paper.MARGIN, on.get_y() + 5)
    paper.rule(on)
    paper.facts(
        on,
        [
            ("License", document["license"]),
            ("Clip sha256", document["clip"]["master_sha256"] or ""),
            ("Fingerprint", certificates.fingerprint(document)),
            ("Signed with", f"Ed25519, key {document['signature']['key']}"),
        ],
        name_width=28,
    )
    on.set_xy(paper.MARGIN, on.get_y() + 4)
    paper.text(
        on,
        f"The signed license is attached to this file as JSON. Check it at {document['verify']} or "
        "without a network: reelyard verify license.json. Whether it was revoked is told online "
        f"only. Where this page shows {paper.UNKNOWN} in a name, the JSON has the letter.",
        size=8,
        grey=True,
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
