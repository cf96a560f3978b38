"""A mail's plain text in lines that every program shows whole, and that a phone joins again.

As RFC 3676 has it (format=flowed): a line that ends with a space goes on in the next one. A word
is never cut, so an address stands in one line however long it is. Each line of a quotation says
that it is one.
"""

import re

MOST = 75
SIGN = "-- "
"""Above the footer. It ends with a space and goes on nowhere."""
QUOTE = "> "
WORD = re.compile(r"[^ ]* +|[^ ]+")


def flowed(text: str) -> str:
    return "".join(f"{line}\n" for one in text.splitlines() for line in _broken(one))


def whole(text: str) -> str:
    """What flowed() was made of, but for spaces at the ends of lines."""
    made, open_line = list[str](), False
    for line in text.splitlines():
        said = line.removeprefix(" ")
        if open_line and said != SIGN:
            made[-1] += said.removeprefix(QUOTE) if made[-1].startswith(QUOTE) else said
        else:
            made.append(said)
        open_line = said.endswith(" ") and said != SIGN
    return "".join(f"{one}\n" for one in made)


def _broken(line: str) -> list[str]:
    if line == SIGN:
        return [SIGN]
    made = [""]
    for word in WORD.findall(line.rstrip(" ")):
        if made[-1] not in ("", SIGN, QUOTE) and len(made[-1]) + len(word.rstrip(" ")) > MOST:
            made.append(QUOTE if line.startswith(QUOTE) else "")
        made[-1] += word
    return [_stuffed(one) for one in made]


def _stuffed(line: str) -> str:
    """What begins so would be read as a quotation, or as stuffed."""
    return f" {line}" if line.startswith((" ", ">", "From ")) else line
