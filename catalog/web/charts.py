"""Charts as SVG, drawn here: no script, no picture from elsewhere. The table beside each holds the
numbers; the drawing says in words what it shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from catalog.figures.shape import Chart
from catalog.figures.written import month, shown

WIDE, HIGH = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 6, 10, 24
ROW, BAR = 38, 14
"""Of a chart whose labels are names: each has its line, and its bar below."""
TICKS = 4
DASHES = ("", "6 4", "2 3", "8 3 2 3")
SHADES = 6
Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Scale:
    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        whole = HIGH - TOP - BOTTOM
        return TOP + whole * (self.high - value) / (self.high - self.low)


def drawn(chart: Chart, name: str) -> Markup:
    """`name` tells its ids from those of others on the page."""
    by_month = all(is_month(label) for label in chart.labels)
    draw: Callable[[Chart], tuple[list[Markup], int]] = _rows
    if by_month:
        draw = _lines if chart.lines else _columns
    parts, high = draw(chart)
    return Markup(
        '<svg class="chart" viewBox="0 0 {wide} {high}" role="img" '
        'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{title}</title>'
        '<desc id="{name}-desc">{desc}</desc>{parts}</svg>'
    ).format(
        wide=WIDE,
        high=high,
        name=name,
        title=chart.title,
        desc=described(chart),
        parts=Markup("").join(parts),
    )


def described(chart: Chart) -> str:
    """What somebody sees at a glance, in words."""
    sums = _sums(chart)
    told = [(at, value) for at, value in enumerate(sums) if value is not None]
    if not told or chart.lines:
        each = "; ".join(_of_series(chart, name, values) for name, values in chart.series)
        return f"{each}. The table holds all numbers."
    top = max(told, key=lambda one: one[1])
    last = told[-1]
    return (
        f"{_label(chart.labels[last[0]])}: {_said(chart, last[1])}. Highest: "
        f"{_said(chart, top[1])}, {_label(chart.labels[top[0]])}. The table holds all numbers."
    )


def _of_series(chart: Chart, name: str, values: Numbers) -> str:
    told = [(at, value) for at, value in enumerate(values) if value is not None]
    if not told:
        return f"{name}: nothing yet"
    at, value = told[-1]
    return f"{name}: {_said(chart, value)}, {_label(chart.labels[at])}"


def _columns(chart: Chart) -> tuple[list[Markup], int]:
    least = 1 if chart.unit == "count" else 0
    scale = _scale([*_sums(chart), *_sums(chart, below=True)], least)
    parts, wide = _axes(chart, scale), _slot(chart)
    for at in range(len(chart.labels)):
        up = down = 0.0
        for number, (name, values) in enumerate(chart.series):
            value = values[at] or 0
            if not value:
                continue
            base = up if value > 0 else down
            top, bottom = scale.y(max(base, base + value)), scale.y(min(base, base + value))
            said = f"{_label(chart.labels[at])}, {name}: {_said(chart, value)}"
            parts.append(
                _box(LEFT + wide * (at + 0.15), top, wide * 0.7, bottom - top, number, said)
            )
            up, down = (up + value, down) if value > 0 else (up, down + value)
    return parts, HIGH


def _lines(chart: Chart) -> tuple[list[Markup], int]:
    scale = _scale([value for _, values in chart.series for value in values])
    parts, wide = _axes(chart, scale), _slot(chart)
    for number, (name, values) in enumerate(chart.series):
        path, pen = [], "M"
        for at, value in enumerate(values):
            if value is None:
                pen = "M"
                continue
            x, y = LEFT + wide * (at + 0.5), scale.y(value)
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
            said = f"{_label(chart.labels[at])}, {name}: {_said(chart, value)}"
            dot = '<circle class="ink-{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>'
            parts.append(Markup(dot).format(number % SHADES, x, y, said))
        line = '<path class="line-{}" d="{}" stroke-dasharray="{}"/>'
        dashes = DASHES[number % len(DASHES)] or "none"
        parts.append(Markup(line).format(number % SHADES, " ".join(path), dashes))
    return parts, HIGH


def _rows(chart: Chart) -> tuple[list[Markup], int]:
    sums = _sums(chart)
    most = max([value for value in sums if value is not None], default=0) or 1
    parts = []
    for at, label in enumerate(chart.labels):
        y, x = at * ROW, 0.0
        text = '<text class="of" x="0" y="{}">{}</text><text class="end" x="{}" y="{}">{}</text>'
        said = _said(chart, sums[at] or 0)
        parts.append(Markup(text).format(y + 14, _label(label)[:44], WIDE, y + 14, said))
        for number, (name, values) in enumerate(chart.series):
            wide = WIDE * (values[at] or 0) / most
            if wide:
                title = f"{_label(label)}, {name}: {_said(chart, values[at] or 0)}"
                parts.append(_box(x, y + 20, max(1, wide), BAR, number, title))
            x += wide
    return parts, len(chart.labels) * ROW


def _axes(chart: Chart, scale: Scale) -> list[Markup]:
    parts = []
    value = scale.low
    while value <= scale.high + scale.step / 1000:
        y = scale.y(value)
        kind = "zero" if abs(value) < scale.step / 1000 else "grid"
        line = '<path class="{}" d="M{} {:.1f}H{}"/><text class="end" x="{}" y="{:.1f}">{}</text>'
        said = _short(chart, value)
        parts.append(Markup(line).format(kind, LEFT, y, WIDE - RIGHT, LEFT - 6, y + 4, said))
        value += scale.step
    last, wide = len(chart.labels) - 1, _slot(chart)
    for at, label in enumerate(chart.labels):
        if (last - at) % 3 == 0:
            text = '<text class="mid" x="{:.1f}" y="{}">{}</text>'
            parts.append(Markup(text).format(LEFT + wide * (at + 0.5), HIGH - 6, _brief(label)))
    return parts


def _scale(values: Numbers, least: float = 0) -> Scale:
    """From zero, in steps of 1, 2 or 5, none smaller than `least`."""
    known = [value for value in values if value is not None]
    high, low = max([0.0, *known]), min([0.0, *known])
    if high == low:
        return Scale(0, 1, 1)
    rough, step = max((high - low) / TICKS, least), 1.0
    while step * 10 <= rough:
        step *= 10
    while step > rough:
        step /= 10
    step = next(step * many for many in (1, 2, 5, 10) if step * many >= rough)
    return Scale(step * (low // step) or 0.0, step * -(-high // step), step)


def _sums(chart: Chart, *, below: bool = False) -> list[float | None]:
    """What is stacked on each label, or below nothing."""
    sums: list[float | None] = []
    for at in range(len(chart.labels)):
        told = [values[at] for _, values in chart.series]
        known = [one for one in told if one is not None and (one < 0 if below else True)]
        sums.append(sum(known) if known else None)
    return sums


def _slot(chart: Chart) -> float:
    return (WIDE - LEFT - RIGHT) / max(1, len(chart.labels))


def _box(x: float, y: float, wide: float, high: float, number: int, said: str) -> Markup:
    box = '<rect class="ink-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
    drawn = Markup(box).format(number % SHADES, x, y, wide, high)
    return drawn + Markup("<title>{}</title></rect>").format(escape(said))


def _said(chart: Chart, value: float) -> str:
    exact = value if chart.unit in ("share", "points") else int(value)
    return shown(exact, chart.unit, chart.currency)


def _short(chart: Chart, value: float) -> str:
    """On the axis: no cents."""
    if chart.unit in ("share", "points"):
        return f"{value * 100:.3g} %"
    whole = value / {"millicents": 100_000, "cents": 100}.get(chart.unit, 1)
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if abs(whole) >= size:
            return f"{whole / size:.3g}{letter}"
    return f"{whole:.3g}"


def is_month(label: str) -> bool:
    return len(label) == 7 and label[4] == "-" and label[:4].isdigit()


def _label(label: str) -> str:
    return month(label) if is_month(label) else label[:1].upper() + label[1:]


def _brief(label: str) -> str:
    """Mar 26"""
    return f"{month(label)[:3]} {label[2:4]}"
