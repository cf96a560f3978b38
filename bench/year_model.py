"""What a year must come to, told without the engine: a few rules of membership in plain numbers.

It knows nothing of rows, processors or figures; times are milliseconds, amounts whole cents, and
what recurs is told in thousandths of a cent.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import floor

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
TRIES = tuple(days * DAY_MS for days in (1, 3, 5))
GRACE_MS, WITHDRAW_MS = 7 * DAY_MS, 14 * DAY_MS
MONTHS = {"month": 1, "year": 12}
TIERS = {"early": (1, 300, 3_000), "drops": (2, 900, 9_000), "events": (3, 2_500, 25_000)}
"""Rank, cents a month, cents a year."""


@dataclass
class Person:
    number: int
    tier: str = ""
    period: str = "month"
    state: str = "none"
    """none, active, grace, paused, ended"""
    trial: bool = False
    """Nothing was paid yet."""
    price: int = 0
    anchor: int = 0
    count: int = 0
    start: int = 0
    end: int = 0
    credit: int = 0
    leaving: bool = False
    next: tuple[str, str] | None = None
    grace_until: int = 0
    next_try: int | None = None
    paused_until: int = 0
    paused_left: int = 0
    joined: int = 0
    first_paid: int = 0
    card: str = "works"
    payments: list[int] = field(default_factory=list)
    """Of this membership: what is left of each."""
    steps: list[tuple[str, int]] = field(default_factory=list)
    """Tier and price before each difference that the last payments of this period were."""
    recurs: int = 0

    @property
    def alive(self) -> bool:
        return self.state in ("active", "grace", "paused")


@dataclass(frozen=True)
class Move:
    at_ms: int
    kind: str
    """new, churn, other"""
    tier_before: str
    tier: str
    before: int
    after: int


class Model:
    def __init__(self) -> None:
        self.moves: list[Move] = []
        self.paid = self.back = self.going_back = 0
        self.invoices = self.credits = 0

    def join(self, one: Person, tier: str, period: str, at: int, trial_days: int) -> None:
        if not trial_days and one.card != "works":
            return  # it never began
        one.tier, one.period, one.state = tier, period, "active"
        one.price, one.trial = price(tier, period), trial_days > 0
        one.anchor = one.start = one.joined = at
        one.credit, one.leaving, one.next, one.first_paid = 0, False, None, 0
        one.payments, one.steps, one.recurs = [], [], 0
        one.count = 0 if one.trial else 1
        one.end = at + trial_days * DAY_MS if one.trial else after(at, period, 1)
        if not one.trial:
            self._pay(one, one.price, at)
        self._moved(one, at, "new", tier_before="")

    def tick(self, one: Person, at: int) -> None:
        """What time does, as of this moment."""
        if one.state == "paused" and one.paused_until <= at:
            self.resume(one, at)
        if one.state == "grace" and one.grace_until <= at:
            self._over(one, at)
        if one.state == "active" and one.end <= at:
            if one.leaving:
                self._over(one, at)
            else:
                self._renew(one, at)
        elif one.state == "grace" and one.next_try is not None and one.next_try <= at:
            self._renew(one, at)

    def change(self, one: Person, tier: str, period: str, at: int) -> None:
        if (one.next or (one.tier, one.period)) == (tier, period):
            return
        before = one.tier
        if TIERS[tier][0] <= TIERS[one.tier][0]:
            one.next = None if (tier, period) == (one.tier, one.period) else (tier, period)
            return
        moment = max(one.start, at - at % HOUR_MS)
        cost, begin, end = price(tier, period), at, after(at, period, 1)
        if period == one.period and not one.trial:
            cost, begin, end = part(cost, one.start, one.end, moment), moment, one.end
        due = cost - (0 if one.trial else part(one.price, one.start, one.end, moment))
        taken = min(one.credit, due)  # of less than nothing the credit grows
        amount = due - taken
        if not amount and not taken:  # nothing is had for nothing
            one.next = (tier, period)
            return
        if amount and one.card != "works":
            return
        one.credit -= taken
        differs = end == one.end and amount > 0
        one.steps = [*one.steps, (one.tier, one.price)] if differs else []
        one.tier, one.period, one.price, one.next = tier, period, price(tier, period), None
        was_trial, one.trial = one.trial, False
        if end != one.end:
            one.anchor = one.start = begin
            one.count, one.end = 1, end
        self._pay(one, amount, at)
        self._moved(one, at, "new" if was_trial else "other", tier_before=before)

    def may_pause(self, one: Person) -> bool:
        """Once in each period that is paid: a pause counts the next ones from its end."""
        return one.anchor != one.end

    def pause(self, one: Person, months: int, at: int) -> None:
        one.state, one.paused_left = "paused", one.end - at
        one.paused_until = after(at, "month", months)
        self._moved(one, at, "other")

    def resume(self, one: Person, at: int) -> None:
        one.start += at + one.paused_left - one.end
        one.end = one.anchor = at + one.paused_left
        one.count, one.state = 0, "active"
        self._moved(one, at, "other")

    def cancel(self, one: Person, at: int) -> None:
        if one.state == "paused":
            self.resume(one, at)
        if one.state == "grace" or at >= one.end:
            self._over(one, at)
        else:
            one.leaving = True

    def withdraw(self, one: Person, at: int) -> None:
        left = one.credit
        if not one.trial and one.state != "grace":
            moment = one.end - one.paused_left if one.state == "paused" else at
            left += part(one.price, one.start, one.end, moment)
        self._give_back(left, one)
        one.credit = 0
        self._over(one, at)

    def may_withdraw(self, one: Person, at: int) -> bool:
        return one.alive and at < max(one.joined, one.first_paid) + WITHDRAW_MS

    def charged_back(self, one: Person, at: int) -> int:
        """The last payment, all of it, at the processor. The difference of a step up takes the step
        back; else it ends, and what is left of other payments goes back. Its cents.
        """
        cents = one.payments.pop()
        self.going_back += cents
        self.credits += 1
        rest = max(0, part(one.price, one.start, one.end, at) + one.credit - cents)
        if one.steps:
            before = one.tier
            one.tier, one.price = one.steps.pop()
            one.credit = max(0, rest - part(one.price, one.start, one.end, at))
            self._moved(one, at, "other", tier_before=before)
        else:
            one.credit = rest
            self._over(one, at)
        return cents

    def tip(self, one: Person, cents: int) -> bool:
        if one.card != "works":
            return False
        self.paid += cents
        self.invoices += 1
        return True

    def undo_tip(self, cents: int) -> None:
        self.going_back += cents
        self.credits += 1

    def refunds_arrive(self) -> None:
        self.back += self.going_back
        self.going_back = 0

    def _renew(self, one: Person, at: int) -> None:
        tier, period = one.next or (one.tier, one.period)
        agreed = (tier, period) == (one.tier, one.period)
        cost = one.price if agreed else price(tier, period)
        taken = min(one.credit, cost)
        if cost - taken and one.card != "works":
            if one.state == "active":
                one.state, one.grace_until = "grace", one.end + GRACE_MS
            one.next_try = next((one.end + wait for wait in TRIES if one.end + wait > at), None)
            return
        before, first = one.tier, one.trial
        if period != one.period or first:
            one.anchor, one.count = one.end, 0
        one.tier, one.period, one.price, one.next = tier, period, cost, None
        one.credit, one.steps = one.credit - taken, []
        one.count += 1
        one.start, one.end = one.end, after(one.anchor, period, one.count)
        one.state, one.trial, one.next_try = "active", False, None
        self._pay(one, cost - taken, at)
        self._moved(one, at, "new" if first else "other", tier_before=before)

    def _pay(self, one: Person, cents: int, at: int) -> None:
        if not cents:
            return
        self.paid += cents
        self.invoices += 1
        one.payments.append(cents)
        one.first_paid = one.first_paid or at

    def _give_back(self, cents: int, one: Person) -> None:
        """Of the payments, the last first; never more than they were."""
        cents = min(cents, sum(one.payments))
        self.going_back += cents
        for at in reversed(range(len(one.payments))):
            back = min(cents, one.payments[at])
            self.credits += back > 0
            one.payments[at] -= back
            cents -= back

    def _over(self, one: Person, at: int) -> None:
        self._give_back(one.credit, one)
        one.credit = 0
        one.state, one.leaving, one.next, one.next_try = "ended", False, None, None
        self._moved(one, at, "churn")

    def _moved(self, one: Person, at: int, kind: str, tier_before: str | None = None) -> None:
        recurs = 0
        if one.state in ("active", "grace") and not one.trial:
            recurs = floor(Fraction(one.price * 1000, MONTHS[one.period]) + Fraction(1, 2))
        before = one.tier if tier_before is None else tier_before
        self.moves.append(Move(at, kind, before, one.tier, one.recurs, recurs))
        one.recurs = recurs


@dataclass
class Known:
    """By tier as of a moment, and what moved by month before it."""

    recurs: Counter[str] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    paying: int = 0
    moved: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def known(moves: list[Move], before_ms: int) -> Known:
    found = Known()
    for one in moves:
        if one.at_ms >= before_ms:
            continue
        if one.tier_before:
            found.recurs[one.tier_before] -= one.before
            found.members[one.tier_before] -= 1
        found.recurs[one.tier] += one.after
        found.members[one.tier] += one.kind != "churn"
        found.paying += (one.after > 0) - (one.before > 0)
        month = found.moved[f"{datetime.fromtimestamp(one.at_ms / 1000, UTC):%Y-%m}"]
        change = one.after - one.before
        name = {"new": "new", "churn": "churn"}.get(one.kind)
        month[name or ("expansion" if change > 0 else "contraction")] += abs(change)
        month["left"] += one.kind == "churn"
        month["joined"] += one.tier_before == ""
    return found


def price(tier: str, period: str) -> int:
    return TIERS[tier][1 if period == "month" else 2]


def part(cents: int, start: int, end: int, at: int) -> int:
    """What the rest of a period is worth, half a cent up."""
    left = Fraction(min(max(end - at, 0), end - start), end - start)
    return floor(cents * left + Fraction(1, 2))


def after(anchor: int, period: str, count: int) -> int:
    """So many months or years later, on the anchor's day or the month's last."""
    at = datetime.fromtimestamp(anchor // 1000, UTC)
    for day in range(at.day, 27, -1):
        try:
            return _moved(at, period, count, day) + anchor % 1000
        except ValueError:
            continue
    return _moved(at, period, count, at.day) + anchor % 1000


def _moved(at: datetime, period: str, count: int, day: int) -> int:
    number = at.year * 12 + at.month - 1 + count * MONTHS[period]
    then = at.replace(year=number // 12, month=number % 12 + 1, day=day)
    return int(then.timestamp()) * 1000
