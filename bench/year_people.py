"""What people do in a year, the same for the same seed; done to the engine and to the model."""

import heapq
import random

from bench.year_clock import Clock
from bench.year_engine import Engine
from bench.year_model import DAY_MS, TIERS, Model, Person
from catalog.errors import CatalogError

MEAN_MS = 60 * DAY_MS
"""Between two things that a person does."""
ACTIVE = {
    "upgrade": 22,
    "downgrade": 12,
    "other period": 6,
    "pause": 8,
    "cancel": 22,
    "tip": 14,
    "card breaks": 10,
    "charged back": 1,
    "nothing": 5,
}
TRIAL = {"cancel": 30, "upgrade": 25, "downgrade": 10, "card breaks": 10, "nothing": 25}
LEAVING = {"stay": 40, "nothing": 50, "tip": 10}
PAUSED = {"resume": 45, "cancel": 20, "nothing": 35}
GRACE = {"card works": 60, "cancel": 15, "nothing": 25}
ENDED = {"join": 25, "nothing": 75}


class People:
    def __init__(
        self, clock: Clock, model: Model, members: int, seed: int, first_ms: int, days: int
    ) -> None:
        self.clock, self.engine, self.model = clock, Engine(clock, first_ms), model
        self.chance = random.Random(seed)
        self.people = [Person(number) for number in range(members)]
        self.charged_back: list[Person] = []
        span = days * DAY_MS
        self.queue = [
            (first_ms + 1 + int(span * 0.95 * self.chance.random()), one.number, "join")
            for one in self.people
        ]
        heapq.heapify(self.queue)

    def live(self, until: int) -> None:
        """All that happens until this moment, and what it brings; what visitors were promised
        goes back to them as well.
        """
        with self.engine.transaction():
            while self.queue and self.queue[0][0] < until:
                at, number, what = heapq.heappop(self.queue)
                self._does(self.people[number], what, at)
            self.engine.time_passes(until)
            for one in self.people:
                if one.alive:
                    self.model.tick(one, until)
        for one in self.charged_back:
            if one.state == "active" and not one.trial and one.payments and one.payments[-1]:
                self.engine.charged_back(one.number, self.model.charged_back(one, until), until)
        self.charged_back.clear()
        self.engine.money_goes_back(until)
        self.model.refunds_arrive()

    def _does(self, one: Person, what: str, at: int) -> None:
        what = what or self._chosen(one, at)
        self.clock.set(at, self.engine.session)
        try:
            self._done(one, what, at)
        except CatalogError as error:
            self.engine.wrong.append(f"{one.number} {what} at {at} ({one.state}): {error}")
        later = at + 60_000 + int(self.chance.expovariate(1 / MEAN_MS))
        heapq.heappush(self.queue, (later, one.number, ""))
        real = self.engine.state(one.number) if one.state != "none" else None
        if real and one.alive and real != (one.state, one.end, one.credit):
            self.engine.wrong.append(
                f"{one.number} after {what} at {at}: {real}, not {one.state, one.end, one.credit}"
            )

    def _chosen(self, one: Person, at: int) -> str:
        if self.model.may_withdraw(one, at) and self.chance.random() < 0.2:
            return "withdraw"
        kinds = {"none": {"join": 1}, "ended": ENDED, "paused": PAUSED, "grace": GRACE}
        wanted = kinds.get(one.state) or (
            LEAVING if one.leaving else TRIAL if one.trial else ACTIVE
        )
        if one.alive and one.state != "paused" and at >= one.end and one.state != "grace":
            return "nothing"  # its renewal is due at this moment
        return self.chance.choices(list(wanted), list(wanted.values()))[0]

    def _done(self, one: Person, what: str, at: int) -> None:
        number, engine, model = one.number, self.engine, self.model
        if what == "join":
            self._joins(one, at)
        elif what in ("upgrade", "downgrade", "other period"):
            tier, period = self._other(one, what)
            engine.change(number, tier, period, at)
            model.change(one, tier, period, at)
        elif what == "pause" and model.may_pause(one):
            months = self.chance.randint(1, 3)
            engine.pause(number, months, at)
            model.pause(one, months, at)
        elif what == "resume":
            engine.resume(number, at)
            model.resume(one, at)
        elif what == "cancel":
            engine.cancel(number, at)
            model.cancel(one, at)
        elif what == "stay":
            engine.stay(number, at)
            one.leaving = False
        elif what == "withdraw":
            engine.withdraw(number, at)
            model.withdraw(one, at)
        elif what == "tip":
            self._tips(one, at)
        elif what in ("card breaks", "card works"):
            one.card = "declines" if what == "card breaks" else "works"
            engine.card(number, one.card)
        elif what == "charged back":
            self.charged_back.append(one)

    def _joins(self, one: Person, at: int) -> None:
        new = one.state == "none"
        if new and one.number not in self.engine.accounts:
            one.card = "declines" if self.chance.random() < 0.04 else "works"
            self.engine.person(one.number, one.card)
        tier = self.chance.choices(list(TIERS), (70, 22, 8))[0]
        period = "year" if self.chance.random() < 0.2 else "month"
        days = self.chance.choice((7, 14, 30)) if new and self.chance.random() < 0.15 else 0
        self.engine.join(one.number, tier, period, at, days)
        self.model.join(one, tier, period, at, days)

    def _tips(self, one: Person, at: int) -> None:
        cents = self.chance.choice((100, 200, 500))
        self.engine.tip(one.number, cents, at)
        if self.model.tip(one, cents) and self.chance.random() < 0.2:
            self.engine.undo_tip(one.number)
            self.model.undo_tip(cents)

    def _other(self, one: Person, what: str) -> tuple[str, str]:
        tiers = list(TIERS)
        at = tiers.index(one.tier)
        period = one.period
        if what == "other period" or self.chance.random() < 0.15:
            period = "month" if one.period == "year" else "year"
        step = {"upgrade": 1, "downgrade": -1}.get(what, 0)
        return tiers[min(max(at + step, 0), len(tiers) - 1)], period
