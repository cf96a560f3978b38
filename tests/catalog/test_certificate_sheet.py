"""The PDF read back: its words, its QR code, the signed JSON inside it."""

import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from catalog import certificate_sheet, certificates, keys, paper
from models.base import unit_of_work
from models.clip import AssetKind
from tests import factories, license_factories

SCALE = 6
"""Pixels a point, to draw the QR code again."""


def still() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 180), (40, 90, 60)).save(out, "JPEG")
    return out.getvalue()


def drawn(picture: bytes | None = None, **values: Any) -> tuple[bytes, dict[str, Any]]:
    with unit_of_work() as session:
        title = values.pop("title", "The winning goal")
        clip = factories.clip(session, title=title)
        factories.asset(session, clip, AssetKind.MASTER, title.encode())
        listing = factories.listing(session, clip)
        made = license_factories.license(session, listing, **values)
        verdict = certificates.verdict(session, made.id)
    return certificate_sheet.draw(verdict, picture), verdict.document


def objects(pdf: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Number to dictionary and unpacked stream."""
    found = {}
    for number, body in re.findall(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL):
        about, _, stream = body.partition(b"\nstream\n")
        data = stream.rpartition(b"\nendstream")[0]
        found[int(number)] = (about, zlib.decompress(data) if b"FlateDecode" in about else data)
    return found


def pages(pdf: bytes) -> list[bytes]:
    return [data for about, data in objects(pdf).values() if b"BT" in data and b"Tf" in data]


def tight(text: str) -> str:
    """Where lines and fonts change, a PDF has no spaces."""
    return "".join(text.split())


def words(pdf: bytes) -> str:
    """Tight; by each font's own map from its codes to letters."""
    known = objects(pdf)
    resources = b" ".join(about for about, _ in known.values() if b"/Font <<" in about)
    maps: dict[bytes, dict[int, str]] = {}
    for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", resources):
        at = re.search(rb"/ToUnicode (\d+) 0 R", known[int(number)][0])
        assert at
        pairs = re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>", known[int(at[1])][1])
        maps[name] = {
            int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs
        }
    said, font = "", b""
    for name, text in re.findall(
        rb"/(F\d+) [\d.]+ Tf|(\((?:\\.|[^\\)])*\))", b"".join(pages(pdf)), re.DOTALL
    ):
        font = name or font
        if text:
            raw = re.sub(rb"\\(.)", rb"\1", text[1:-1].replace(b"\\r", b"\r"), flags=re.DOTALL)
            codes = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
            said += "".join(maps[font].get(code, "") for code in codes)
    return tight(said)


def qr(pdf: bytes) -> str:
    """What a camera reads of the page's squares."""
    picture = np.full((842 * SCALE, 596 * SCALE), 255, np.uint8)
    squares = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) (-[\d.]+) re f", pages(pdf)[0])
    assert len(squares) > 200
    for numbers in squares:
        left, top, width, height = (float(number) * SCALE for number in numbers)
        below = 842 * SCALE - top
        picture[round(below) : round(below - height), round(left) : round(left + width)] = 0
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(picture)
    return str(text)


def test_it_says_who_may_use_what_for_what_until_when(database: Path) -> None:
    pdf, document = drawn(still())
    said = words(pdf)
    for part in (
        "Licensed to Ada Films",
        "for websites and blogs, and social media; worldwide",
        "The winning goal",
        certificates.written(document["ends"]),
        document["license"],
        certificates.fingerprint(document),
        document["signature"]["key"],
    ):
        assert tight(part) in said
    assert "ada@films.example" not in said
    assert b"/DCTDecode" in pdf, "the still is on it"
    assert len(pages(pdf)) == 1


def test_its_qr_code_leads_to_the_verify_page(database: Path) -> None:
    pdf, document = drawn()
    assert qr(pdf) == document["verify"]


def test_the_signed_json_is_inside_and_verifies(database: Path) -> None:
    pdf, document = drawn()
    held = [data for about, data in objects(pdf).values() if b"/EmbeddedFile" in about]
    inside = [data for data in held if data]
    assert len(inside) == 1
    found = keys.read_json(inside[0])
    assert found == document
    assert keys.check(found, keys.published(certificates.key_folder())) == "valid"


def test_equal_licenses_give_equal_bytes(database: Path) -> None:
    with unit_of_work() as session:
        made = license_factories.license(session)
        verdict = certificates.verdict(session, made.id)
    first, second = (certificate_sheet.draw(verdict, still()) for _ in range(2))
    assert first == second


SCRIPTS = {
    "Łódź Ünïted": "Łódź Ünïted",
    "Ελληνική Ταινία": "Ελληνική Ταινία",
    "Мосфильм Київ": "Мосфильм Київ",
    "Việt Nam": "Việt Nam",
    "山田 Films": "?? Films",
    "שלום Films": "???? Films",
    "Films \U0001f3ac": "Films ?",
    "<b>\\(&%s{nb}": "<b>\\(&%s",
}


def test_every_script_is_drawn_or_visibly_replaced(database: Path) -> None:
    for name, shown in SCRIPTS.items():
        pdf, document = drawn(licensee=name, title=name)
        assert tight(f"Licensed to {shown}") in words(pdf)
        assert document["licensee"] == name, "the signed JSON has every letter"


def test_long_and_odd_names_fit_the_paper(database: Path) -> None:
    for name in ("a" * 200, "word " * 60, "\u0301" * 50, "W" * 200):
        pdf, _ = drawn(still(), licensee=name, title=name)
        assert len(pages(pdf)) <= 2
        assert pdf.endswith(b"%%EOF\n")


def test_a_still_that_can_not_be_read_is_left_out(database: Path) -> None:
    for picture in (b"", b"no picture", still()[:200], b"\xff\xd8\xff"):
        pdf, _ = drawn(picture)
        assert b"/DCTDecode" not in pdf
        assert tight("Licensed to Ada Films") in words(pdf)


def test_what_was_revoked_says_so(database: Path) -> None:
    now = license_factories.now_ms()
    pdf, _ = drawn(state="revoked", revoked_ms=now)
    assert tight("Revoked on") in words(pdf)


def test_what_is_drawn_is_composed_and_plain() -> None:
    assert paper.written("e\u0301 \u202ea\u0007b\tc\u00a0d") == "é a b c\u00a0d"
    assert json.dumps(paper.written("\ud800")) == '"?"'
