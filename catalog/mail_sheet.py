"""A mail's HTML, made of its plain text: calm, readable on a phone, in light and in dark.

What the text's shape says: a line underlined with dashes is a heading; lines that begin with "- "
are a list; "Words:" with an address of ours below is what to do next; "Words: ADDRESS" is a link of
these words; lines that begin with ">" are somebody else's, and never more than text; what stands
below "-- " is the footer. Styles are inline, since programs that show mails drop others. Colours
are the reader's own; only a button brings its own pair. No picture is loaded from anywhere: that
would tell when a mail is read.
"""

import re
from html import escape

from models.settings import settings

FOOTER = "\n-- \n"
_FONT = "font:16px/1.55 Inter,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_BODY = f"margin:0;padding:24px 20px 40px;{_FONT};overflow-wrap:break-word"
_HEAD = "margin:0 0 28px;font-size:13px;font-weight:600;letter-spacing:.02em;opacity:.75"
_H1 = "margin:0 0 20px;font-size:24px;line-height:1.25;font-weight:600;letter-spacing:-.01em"
_H2 = "margin:32px 0 12px;font-size:17px;line-height:1.3;font-weight:600"
_P = "margin:0 0 16px"
_LIST = "margin:0 0 16px;padding:0 0 0 20px"
_ITEM = "margin:0 0 8px"
_QUOTE = (
    "margin:0 0 16px;padding:2px 0 2px 16px;border-left:3px solid rgba(128,128,128,.5);opacity:.9"
)
_LINK = "color:inherit;font-weight:600"
_BUTTON = (
    "display:inline-block;padding:12px 22px;border-radius:6px;background:#0b5d6b;color:#ffffff;"
    "font-weight:600;text-decoration:none"
)
_FOOT = (
    "margin:40px 0 0;padding:20px 0 0;border-top:1px solid rgba(128,128,128,.4);"
    "font-size:13px;line-height:1.5;opacity:.8"
)
_TITLED = re.compile(r"[^:]{2,40}: \S+://\S+")
"""The last line of a paragraph about one thing, which has its name in the first."""
_UNDERLINED = re.compile(r"([^\n]{1,120})\n-{3,}")


def html(subject: str, text: str, of: str = "") -> str:
    """`of`: whose letter it is; the house's own where nobody is named."""
    body, mark, foot = f"{text.strip()}\n".rpartition(FOOTER)
    if not mark:
        body, foot = foot, ""
    head = f"{escape(of)} &middot; Reelyard" if of else "Reelyard"
    parts = "\n".join(_part(one.strip("\n")) for one in re.split(r"\n{2,}", body.strip()))
    feet = f'<div style="{_FOOT}">\n{_feet(foot)}\n</div>\n' if foot.strip() else ""
    return (
        '<!doctype html>\n<html lang="en" style="color-scheme:light dark">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="supported-color-schemes" content="light dark">\n'
        f"<title>{escape(subject)}</title>\n</head>\n"
        f'<body style="{_BODY}">\n<div role="main" style="max-width:560px;margin:0 auto">\n'
        f'<p style="{_HEAD}">{head}</p>\n<h1 style="{_H1}">{escape(subject)}</h1>\n'
        f"{parts}\n{feet}</div>\n</body>\n</html>\n"
    )


def _part(text: str) -> str:
    heading = _UNDERLINED.fullmatch(text)
    if heading:
        return f'<h2 style="{_H2}">{escape(heading[1])}</h2>'
    lines = text.splitlines()
    if all(one.startswith(">") for one in lines):
        return _quote(lines)
    if all(one.startswith("- ") for one in lines):
        items = "\n".join(f'<li style="{_ITEM}">{_line(one[2:])}</li>' for one in lines)
        return f'<ul style="{_LIST}">\n{items}\n</ul>'
    if len(lines) == 2 and re.fullmatch(r"[^:.]{2,40}:", lines[0]) and _own(lines[1]):
        return f'<p style="{_P}">{_link(lines[1], lines[0][:-1], _BUTTON)}</p>'
    shown = [_line(one) for one in lines]
    if len(lines) > 2 and _TITLED.fullmatch(lines[-1]) and "://" not in lines[0]:
        shown[0] = f'<strong style="font-weight:600">{escape(lines[0])}</strong>'
    inside = "<br>\n".join(shown)
    return f'<p style="{_P}">{inside}</p>'


def _quote(lines: list[str]) -> str:
    inside = "<br>\n".join(escape(one.removeprefix(">").strip()) for one in lines)
    return f'<blockquote style="{_QUOTE}">{inside}</blockquote>'


def _feet(text: str) -> str:
    kept = [one for one in text.splitlines() if one.strip()]
    return "\n".join(f'<p style="margin:0 0 6px">{_line(one)}</p>' for one in kept)


def _line(text: str) -> str:
    """Of addresses only this house's own become links."""
    if text.startswith(">"):
        return escape(text)
    said, colon, address = text.rpartition(": ")
    if colon and 1 < len(said) <= 80 and _own(address) and "://" not in said:
        return _link(address, said, _LINK)
    parts = re.split(rf"({_home()}/[^\s<>\"']*[^\s<>\"'.,;:!?)])", text)
    return "".join(
        _link(part, part, _LINK) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def _own(address: str) -> bool:
    return bool(re.fullmatch(rf"{_home()}/[^\s<>\"']*", address))


def _home() -> str:
    return re.escape(settings().base_url)


def _link(address: str, words: str, style: str) -> str:
    return f'<a style="{style}" href="{escape(address)}">{escape(words)}</a>'
