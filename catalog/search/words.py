"""Text to the words of the index, the same on both databases.

A listing's words are of four kinds, so that one kind of look-up answers all:
- `goal`: said, or anywhere else; `a:goal`: in the title; `b:goal`: in title or tags;
  `c:goal`: in title, tags, creator, series or recording.
- `@tag=goal`, `@creator=ID`, ...: facets. `@all`: every listing.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

EVERY = "@all"
TIERS = ("a:", "b:", "c:", "")
"""From the best place that a word can stand in to anywhere."""
WORD_LENGTH = 40
VALUE_LENGTH = 200

_APART = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "\u0131": "i"}
)
"""Letters with no accent to take off."""
_JOINING = str.maketrans("", "", "'\u2019\u02bc\u00ad\u200c\u200d")
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # Kana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts that put no space between words: their letters are looked up in pairs."""


def fold(text: str) -> str:
    """Case, width, accents and control characters make no difference."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_JOINING)
    plain = "".join(
        c for c in unicodedata.normalize("NFD", folded) if not "\u0300" <= c <= "\u036f"
    )
    return unicodedata.normalize("NFC", plain).translate(_APART)


def runs(text: str) -> Iterator[str]:
    """Words as they stand; a run of an unspaced script is one."""
    run, unspaced = "", False
    for letter in fold(text):
        if unicodedata.category(letter)[0] not in "LNM":
            if run:
                yield run[:WORD_LENGTH]
            run = ""
            continue
        now = is_unspaced(letter)
        if run and now != unspaced:
            yield run[:WORD_LENGTH]
            run = ""
        run, unspaced = run + letter, now
    if run:
        yield run[:WORD_LENGTH]


def is_unspaced(run: str) -> bool:
    at = ord(run[0])
    return any(first <= at <= last for first, last in _UNSPACED)


def words(text: str) -> list[str]:
    """To be indexed, each once: words, and of unspaced runs the letters and their pairs."""
    found: dict[str, None] = {}
    for run in runs(text):
        if is_unspaced(run):
            found.update(dict.fromkeys(run))
            found.update(dict.fromkeys(pairs(run)))
        else:
            found[run] = None
    return list(found)


def pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def sequence(text: str) -> str:
    """For phrases: all words in order, one space around each, unspaced letters apart."""
    apart = (" ".join(run) if is_unspaced(run) else run for run in runs(text))
    return f" {' '.join(apart)} "


def facet(name: str, value: str) -> str:
    """A facet's word. ASCII other than small letters and digits is spelled out, so that no
    tokenizer, list or query can take any of it for its own.
    """
    whole = value[:VALUE_LENGTH].encode("utf-8", "replace").decode()
    spelled = re.sub(r"[\x00-/:-`{-\x7f]", lambda c: f"_{ord(c[0]):02x}", whole)
    return f"@{name}={spelled}"


def facet_of(word: str) -> tuple[str, str]:
    """Its name and value."""
    name, _, spelled = word[1:].partition("=")
    return name, unquote(spelled.replace("%", "").replace("_", "%"))


def tag(text: str) -> str:
    """As tags are kept: lower case, one space between words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in folded)
    return " ".join(clean.split())[:80].strip()


def tags(given: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(cleaned for cleaned in map(tag, given) if cleaned))
