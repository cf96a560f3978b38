"""Rows as people read them: times, dates, reasons. The templates' filters."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pycountry
from markupsafe import Markup

from catalog.times import written

PARTS = {
    "camera": "Camera movement",
    "chat": "Live chat",
    "cheer": "Cheering",
    "excited speech": "Excited talk",
    "speech": "Talk",
    "text": "Text cards",
}
"""Where the engine's word for a part is not the reader's."""
DECIDES = 0.1
"""Share of a score below which a part did not decide."""
BYTES = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Part:
    """A named part of a score. `bar` is its length against the longest, 0..100."""

    label: str
    value: float
    bar: float


def part_label(name: str) -> str:
    return PARTS.get(name, name.replace("_", " ").capitalize())


def parts(reasons: Mapping[str, float], score: float) -> list[Part]:
    """Largest first, rounded to hundredths so that what is shown sums to the shown score."""
    if not reasons:
        return []
    cents = {name: value * 100 for name, value in reasons.items()}
    whole = {name: math.floor(value) for name, value in cents.items()}
    missing = round(float(f"{score:.2f}") * 100) - sum(whole.values())
    by_remainder = sorted(cents, key=lambda name: (whole[name] - cents[name], name))
    for name in by_remainder[: max(missing, 0)]:
        whole[name] += 1
    longest = max(abs(value) for value in whole.values()) or 1
    named = sorted(whole, key=lambda name: (-whole[name], name))
    return [
        Part(part_label(name), whole[name] / 100, abs(whole[name]) / longest * 100)
        for name in named
        if whole[name]
    ]


def why(reasons: Mapping[str, float]) -> str:
    """The one or two parts that decided, as on a card."""
    least = DECIDES * sum(reasons.values())
    top = sorted((name for name in reasons if reasons[name] > least), key=lambda n: -reasons[n])[:2]
    return ", ".join(part_label(name).lower() for name in top)


def clock(ms: int) -> str:
    """12:03, and 1:02:03 from an hour on."""
    seconds = ms // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{seconds % 60:02}"


def clock_ms(ms: int) -> str:
    return f"{clock(ms)}.{ms % 1000:03}"


def lasting(ms: int) -> str:
    """In whole words: 42 seconds, 12 minutes, 1 hour 5 minutes."""
    seconds = round(ms / 1000)
    if seconds < 90:
        return counted(seconds, "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return counted(minutes, "minute")
    rest = f" {counted(minutes % 60, 'minute')}" if minutes % 60 else ""
    return counted(minutes // 60, "hour") + rest


def duration_iso(ms: int) -> str:
    return f"PT{ms / 1000:g}S"


def moment(ms: int) -> str:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def moment_iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 1000 and unit < len(BYTES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {BYTES[unit]}" if value >= 10 or not unit else f"{value:.1f} {BYTES[unit]}"


def score(value: float) -> str:
    return f"{value:.2f}"


def percent(share: float) -> str:
    return f"{min(int(share * 100), 100)} %"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def money(cents: int, currency: str) -> str:
    """$1,234.50; where the sign is not known: 1,234.50 CHF."""
    amount = f"{abs(cents) / 100:,.2f}"
    minus = "-" if cents < 0 else ""
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{amount}" if sign else f"{minus}{amount} {currency}"


def in_full(cents: int, currency: str) -> str:
    """With the currency's code, for a sign stands for several: $3.00 USD, 3.00 CHF."""
    shown = money(cents, currency)
    return f"{shown} {currency}" if currency in SIGNS else shown


def coded(text: str) -> Markup:
    """`Words in back quotes` as code."""
    parts = text.split("`")
    wrap = (Markup("{}"), Markup("<code>{}</code>"))
    return Markup("").join(wrap[at % 2].format(part) for at, part in enumerate(parts))


RELEASES = {
    "cleared": "Signed by those in it",
    "editorial": "None: editorial use",
    "unknown": "Nothing known",
}


def release(value: str) -> str:
    return RELEASES.get(value, value)


@functools.cache
def language(code: str) -> str:
    """pt-BR reads as Portuguese (BR)."""
    base, _, rest = code.partition("-")
    name = {2: "alpha_2", 3: "alpha_3"}.get(len(base), "")
    found = pycountry.languages.get(**{name: base.lower()}) if name else None
    if found is None:
        return code
    return f"{found.name} ({rest.upper()})" if rest else str(found.name)


FILTERS = {
    "clock": clock,
    "clock_ms": clock_ms,
    "coded": coded,
    "counted": counted,
    "duration_iso": duration_iso,
    "in_full": in_full,
    "lasting": lasting,
    "moment": moment,
    "money": money,
    "moment_iso": moment_iso,
    "part_label": part_label,
    "percent": percent,
    "score": score,
    "size": size,
    "why": why,
    "written": written,
}
