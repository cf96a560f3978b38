"""Where the words of a search are said: a line of the transcript, and its second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search import words
from models.analysis import Transcript
from models.listing import Listing

LINE_LENGTH = 140


@dataclass(frozen=True)
class Hit:
    at_ms: int
    """Of the clip."""
    pieces: Sequence[tuple[str, bool]]
    """The line in pieces, each with whether it is a word of the search."""

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)


def hits(session: Session, listings: Sequence[Listing], wanted: Sequence[str]) -> dict[str, Hit]:
    """By the listing's id: the line in which most of these words are said."""
    starts = {one.clip_id: one for one in listings if _is_said(one, wanted)}
    rows = select(Transcript.clip_id, Transcript.segments).where(Transcript.clip_id.in_(starts))
    found = {}
    for clip_id, segments in session.execute(rows):
        listing = starts[clip_id]
        best = _best(segments, set(wanted))
        if best:
            at_ms = max(int(best["start_ms"]) - listing.clip.start_ms, 0)
            found[listing.id] = Hit(at_ms, _pieces(str(best["text"]), set(wanted)))
    return found


def _is_said(listing: Listing, wanted: Sequence[str]) -> bool:
    said = listing.search_text.rpartition("|")[2]
    return any(f" {word} " in said or words.is_unspaced(word) for word in wanted)


def _best(segments: Sequence[dict[str, Any]], wanted: set[str]) -> dict[str, Any] | None:
    """The first of those that hold most of them."""
    scored = [(len(wanted.intersection(words.words(str(one["text"])))), one) for one in segments]
    most = max((count for count, _ in scored), default=0)
    return next((one for count, one in scored if count == most), None) if most else None


def _pieces(text: str, wanted: set[str]) -> list[tuple[str, bool]]:
    """The line, cut around the first hit where it is long."""
    spaced = text.split()
    marked = [bool(wanted.intersection(words.words(word))) for word in spaced]
    first = marked.index(True) if True in marked else 0
    start = first if len(" ".join(spaced[: first + 1])) > LINE_LENGTH else 0
    start = max(start - 5, 0)
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    length = 0
    for word, is_hit in zip(spaced[start:], marked[start:], strict=True):
        if length > LINE_LENGTH:
            pieces.append(("…", False))
            break
        length += len(word) + 1
        if pieces and pieces[-1][1] == is_hit:
            pieces[-1] = (f"{pieces[-1][0]}{word} ", is_hit)
        else:
            pieces.append((f"{word} ", is_hit))
    return [(piece.rstrip() if is_hit else piece, is_hit) for piece, is_hit in _spaced(pieces)]


def _spaced(pieces: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """A mark covers the word, not the space after it."""
    out: list[tuple[str, bool]] = []
    for piece, is_hit in pieces:
        before = " " if out and out[-1][1] and not is_hit else ""
        out.append((before + piece, is_hit))
    out[-1] = (out[-1][0].rstrip(), out[-1][1])
    return out
