"""What visits, offers and licenses of a year must come to, told without the engine.

As in bench.year_model: plain numbers alone. Who is held out is chance, and chance is heard of once
for each person; everything after it is told from here.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from bench.year_model import DAY_MS, Model

SETTLED_MS = 2 * DAY_MS
LICENSE_CENTS, TIP_CENTS, OTHER_TIP_CENTS = 900, 200, 300
TIP, LICENSE = "A tip for this one", "This clip for yourself"
OFFERS = {"year": TIP, "shop": LICENSE}
"""By creator: each makes one."""


@dataclass
class Clip:
    number: int
    creator: str
    published: int
    withdrawn: int | None = None


@dataclass
class Visitor:
    number: int
    held_out: dict[str, bool] = field(default_factory=dict)
    """By creator, from the first time on."""
    owned: set[int] = field(default_factory=set)


@dataclass
class Visit:
    at_ms: int
    held_out: bool | None
    """None: no offer fitted."""
    answer: str = "none"
    cents: int = 0
    """Of what was bought in it."""


@dataclass
class Sale:
    at_ms: int
    creator: str
    clip: int | None
    """None: of a tip that no clip led to."""
    cents: int
    by_offer: bool
    back_ms: int | None = None


class VisitModel:
    def __init__(self, money: Model) -> None:
        self.money = money
        self.clips: list[Clip] = []
        self.visits: dict[str, list[Visit]] = {name: [] for name in OFFERS}
        self.sales: list[Sale] = []
        self.returning: list[Sale] = []

    def fits(self, who: Visitor, clip: Clip, hour: int) -> bool:
        """By night nobody is offered anything, and nobody what they have."""
        mine = clip.creator == "shop" and clip.number in who.owned
        return 7 <= hour < 22 and not mine

    def visited(self, creator: str, at: int, held_out: bool | None) -> Visit:
        made = Visit(at, held_out)
        self.visits[creator].append(made)
        return made

    def bought(
        self, visit: Visit, who: Visitor, clip: Clip, at: int, cents: int, *, by_offer: bool
    ) -> Sale:
        visit.cents = cents
        if by_offer:
            visit.answer = "accepted"
        if clip.creator == "shop":
            who.owned.add(clip.number)
        of_clip = clip.number if by_offer or clip.creator == "shop" else None
        sale = Sale(at, clip.creator, of_clip, cents, by_offer)
        self.sales.append(sale)
        self.money.paid += cents
        self.money.invoices += 1
        return sale

    def undone(self, visit: Visit, who: Visitor, sale: Sale) -> None:
        """Nothing else is bought in a visit."""
        visit.cents, visit.answer = 0, "undone"
        if sale.creator == "shop":
            who.owned.discard(sale.clip or 0)
        self.returning.append(sale)
        self.money.going_back += sale.cents
        self.money.credits += 1

    def refunds_arrive(self, at: int) -> None:
        for sale in self.returning:
            sale.back_ms = at
        self.returning.clear()


COUNTS = ("visits", "shown", "bought", "held_out", "held_out_bought")


def conversion(model: VisitModel, before_ms: int) -> dict[str, Counter[str]]:
    """By month, of those that can't change any more; in all, and of each creator."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for creator, visits in model.visits.items():
        for one in visits:
            if one.at_ms >= before_ms - SETTLED_MS:
                continue
            month = found[month_of(one.at_ms)]
            month["visits"] += 1
            if one.held_out is not None:
                arm = "held_out" if one.held_out else "shown"
                hits = "held_out_bought" if one.held_out else "bought"
                for of in ("", f"{creator} "):
                    month[f"{of}{arm}"] += 1
                    month[f"{of}{hits}"] += one.cents > 0
    return found


def uplift(of: Counter[str]) -> float | None:
    """Creators are compared with themselves; each counts by n m / (n + m) of its n shown and m held
    out visits (W. G. Cochran, Some methods for strengthening the common chi-square tests, 1954).
    """
    weights = added = Fraction(0)
    for creator in OFFERS:
        shown, held = of[f"{creator} shown"], of[f"{creator} held_out"]
        if shown and held:
            weight = Fraction(shown * held, shown + held)
            more = Fraction(of[f"{creator} bought"], shown)
            added += weight * (more - Fraction(of[f"{creator} held_out_bought"], held))
            weights += weight
    return float(added / weights) if weights else None


def offered(model: VisitModel, before_ms: int) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for creator, visits in model.visits.items():
        for one in visits:
            if one.held_out is None or one.at_ms >= before_ms - SETTLED_MS:
                continue
            offer = found[OFFERS[creator]]
            offer["held_out" if one.held_out else "shown"] += 1
            offer[one.answer] += not one.held_out
    return found


def licensed(model: VisitModel, before_ms: int) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in model.sales:
        if one.creator != "shop":
            continue
        if one.at_ms < before_ms:
            found[month_of(one.at_ms)]["in_cents"] += one.cents
        if one.back_ms is not None and one.back_ms < before_ms:
            found[month_of(one.back_ms)]["back_cents"] += one.cents
    return found


def earned(model: VisitModel, before_ms: int) -> dict[str, int]:
    """Clips on sale, and those of them that earned, by how."""
    on_sale = {
        one.number
        for one in model.clips
        if one.published < before_ms and (one.withdrawn is None or one.withdrawn >= before_ms)
    }
    ways: dict[str, set[int]] = {"license": set(), "pool": set(), "offer": set()}
    for one in model.sales:
        kept = one.back_ms is None or one.back_ms >= before_ms
        if one.at_ms < before_ms and kept and one.clip in on_sale:
            if one.creator == "shop":
                ways["license"].add(one.clip)
            if one.by_offer:
                ways["offer"].add(one.clip)
    ways["any"] = ways["license"] | ways["offer"]
    return {"on_sale": len(on_sale)} | {way: len(clips) for way, clips in ways.items()}


def month_of(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m}"
