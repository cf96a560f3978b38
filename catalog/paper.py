"""What is printed: A4 pages in the house's type. Equal input gives equal bytes."""

import functools
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # it has no types
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

FONTS = Path(__file__).parent / "web" / "static" / "vendor" / "inter"
SCRIPTS = ("latin", "latin-ext", "greek", "greek-ext", "cyrillic", "cyrillic-ext", "vietnamese")
WEIGHTS = {"": 400, "B": 600}
UNKNOWN = "?"
"""Stands where the type has no letter: visibly, never silently left out."""
INK, GREY, HAIR, ACCENT = (27, 26, 23), (92, 89, 82), (223, 220, 213), (11, 93, 107)
MARGIN = 20
WIDTH = 210 - 2 * MARGIN


class Sheet(FPDF):
    """A4, margins of 20 mm, the foot on each page. fpdf asks for a class to draw it."""

    foot = ""

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("latin", size=8)
        self.set_text_color(*GREY)
        self.cell(WIDTH - 30, 5, self.foot)
        # The number of pages stands in for "{nb}" at the end only, and is narrower.
        wider = self.get_string_width("{nb}") - self.get_string_width("0")
        self.cell(30 + wider, 5, f"{self.page_no()} / {{nb}}", align="R")


def sheet(title: str, *, author: str, foot: str, made_ms: int) -> Sheet:
    """With its first page. `made_ms` is the date in the file: of what it says, not of now."""
    made = Sheet(format="A4")
    for script in SCRIPTS:
        for style in WEIGHTS:
            made.add_font(script, style, _file(script, style))
    made.set_fallback_fonts(SCRIPTS[1:])
    made.foot = written(foot)
    made.set_creation_date(datetime.fromtimestamp(made_ms / 1000, UTC))
    made.set_title(written(title))
    made.set_author(written(author))
    made.set_creator("Reelyard")
    made.set_lang("en")
    made.set_margin(MARGIN)
    made.c_margin = 0
    made.set_auto_page_break(True, margin=24)
    made.add_page()
    return made


def head(on: Sheet, seller: str, kind: str) -> None:
    """Who writes on the left, what this is on the right, a line below."""
    top = on.get_y()
    on.set_font("latin", "B", 13)
    on.set_text_color(*INK)
    on.cell(WIDTH / 2, 7, written(seller))
    on.set_font("latin", size=10)
    on.set_text_color(*GREY)
    on.cell(WIDTH / 2, 7, written(kind), align="R")
    on.set_xy(MARGIN, top + 9)
    rule(on)


def rule(on: Sheet) -> None:
    on.set_draw_color(*HAIR)
    on.set_line_width(0.2)
    on.line(MARGIN, on.get_y(), MARGIN + WIDTH, on.get_y())
    on.set_xy(MARGIN, on.get_y() + 6)


def text(
    on: Sheet,
    words: str,
    *,
    size: float = 10,
    bold: bool = False,
    grey: bool = False,
    width: float = 0,
    after: float = 2,
) -> None:
    """Wrapped, from where the pen stands; `width` 0: to the right margin."""
    on.set_font("latin", "B" if bold else "", size)
    on.set_text_color(*(GREY if grey else INK))
    left, lead = on.get_x(), size * 0.3528 * 1.4
    on.multi_cell(
        width,
        lead,
        written(words),
        align="L",
        new_x=XPos.LEFT,
        new_y=YPos.NEXT,
        wrapmode=WrapMode.WORD,
    )
    on.set_xy(left, on.get_y() + after)


def facts(
    on: Sheet, rows: Iterable[tuple[str, str]], *, name_width: float = 38, width: float = 0
) -> None:
    """Name and value side by side; a value may take lines. Empty ones are left out."""
    left = on.get_x()
    for name, value in rows:
        if not value:
            continue
        if on.will_page_break(10):
            on.add_page()
        top = on.get_y()
        on.set_xy(left, top)
        text(on, name, size=9, grey=True, width=name_width - 2, after=0)
        below = on.get_y()
        on.set_xy(left + name_width, top)
        text(on, value, size=9.5, width=width and width - name_width, after=0)
        on.set_xy(left, max(below, on.get_y()) + 1.6)


def bytes_of(on: Sheet) -> bytes:
    return bytes(on.output() or b"")


def written(words: str) -> str:
    """As it can be drawn: composed, without control and direction marks, UNKNOWN for the rest."""
    composed = unicodedata.normalize("NFC", words)
    return "".join(_drawn(letter) for letter in composed)


def _drawn(letter: str) -> str:
    if letter == "\n" or ord(letter) in _letters():
        return letter
    if unicodedata.category(letter) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        return " " if unicodedata.category(letter) != "Cf" else ""
    return UNKNOWN


@functools.cache
def _letters() -> frozenset[int]:
    """What both weights have, but for marks that have no shape or turn the text around."""
    found: set[int] = set()
    for script in SCRIPTS:
        weights = [set(TTFont(_file(script, style)).getBestCmap()) for style in WEIGHTS]
        found |= set.intersection(*weights)
    return frozenset(
        at for at in found if unicodedata.category(chr(at)) not in ("Cc", "Cf", "Zs")
    ) | {0x20, 0xA0}


def _file(script: str, style: str) -> Path:
    return FONTS / f"inter-{script}-{WEIGHTS[style]}-normal.woff"
