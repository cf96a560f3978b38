"""What visitors do in a year, the same for the same seed; done to the shop and to its model."""

import heapq
import random
from datetime import UTC, datetime

from bench.year_clock import Clock
from bench.year_model import DAY_MS, HOUR_MS, Model
from bench.year_shop import Shop
from bench.year_visit_model import (
    LICENSE_CENTS,
    OFFERS,
    OTHER_TIP_CENTS,
    TIP_CENTS,
    Clip,
    Visit,
    VisitModel,
    Visitor,
)
from catalog.errors import CatalogError

VISITS_EACH = 8
BETWEEN_DAYS = 44
"""After a "no" the same is not offered for 30 days: that is tested elsewhere."""
LEAST_CLIPS, VISITS_A_CLIP = 30, 8
"""So few that many clips earn nothing."""
MINUTE_MS = 60_000
HOURS_BEFORE = {"year": 72, "shop": 0}
"""So long its members see a clip before everybody does."""
CENTS = {"year": TIP_CENTS, "shop": LICENSE_CENTS}


class Visitors:
    """`visits` of them in all; what the engine did otherwise is kept in `wrong`."""

    def __init__(
        self, clock: Clock, money: Model, visits: int, seed: int, first_ms: int, days: int
    ) -> None:
        self.shop, self.model = Shop(clock, first_ms), VisitModel(money)
        self.chance = random.Random(seed)
        self.wrong: list[str] = []
        self.people = [Visitor(number) for number in range(-(-visits // VISITS_EACH))]
        self.queue: list[tuple[int, int, str, int]] = []
        last = first_ms + days * DAY_MS
        for number in range(visits):
            self._plan(number, first_ms, last)
        self._plan_clips(max(LEAST_CLIPS, visits // VISITS_A_CLIP), first_ms, days)
        heapq.heapify(self.queue)

    def live(self, until: int) -> None:
        while self.queue and self.queue[0][0] < until:
            at, _, what, number = heapq.heappop(self.queue)
            try:
                self._done(what, number, at)
            except CatalogError as error:
                self.wrong.append(f"{what} of {number} at {at}: {error}")

    def _plan(self, number: int, first_ms: int, last: int) -> None:
        who, turn = divmod(number, VISITS_EACH)
        day = 1 + turn * BETWEEN_DAYS + who % BETWEEN_DAYS
        hour = self.chance.randrange(7, 22) if self.chance.random() < 0.9 else 23
        at = first_ms + day * DAY_MS + hour * HOUR_MS + self.chance.randrange(50) * MINUTE_MS
        if at < last:
            self.queue.append((at, number, "visit", who))

    def _plan_clips(self, many: int, first_ms: int, days: int) -> None:
        """The first are there from the start; some are taken off sale again."""
        names = list(OFFERS)
        for number in range(many):
            later = number >= many // 3
            day = self.chance.randrange(days) if later else 0
            at, creator = first_ms + day * DAY_MS + 1 + number, names[number % len(names)]
            public = at + HOURS_BEFORE[creator] * HOUR_MS
            self.model.clips.append(Clip(number, creator, public))
            self.queue.append((at, number, "publish", number))
            if number % 7 == 6:
                off = at + self.chance.randrange(20, 150) * DAY_MS
                self.queue.append((off, number, "withdraw", number))

    def _done(self, what: str, number: int, at: int) -> None:
        if what == "visit":
            self._visits(self.people[number], at)
            return
        clip = self.model.clips[number]
        if what == "publish":
            public = self.shop.publish(number, clip.creator, at)
            if public != clip.published:
                self.wrong.append(f"clip {number} is public at {public}, not {clip.published}")
        else:
            self.shop.withdraw(number, at)
            clip.withdrawn = at

    def _visits(self, who: Visitor, at: int) -> None:
        public = [one for one in self.model.clips if one.published < at and not one.withdrawn]
        clip = self.chance.choice(public)
        held_out, view_id, cents = self.shop.visit(who.number, clip.number, at)
        hour = datetime.fromtimestamp(at / 1000, UTC).hour
        fits = self.model.fits(who, clip, hour)
        known = who.held_out.get(clip.creator)
        if fits and known is None and held_out is not None:
            known = who.held_out[clip.creator] = held_out
        should = known if fits else None
        if held_out != should or bool(view_id) != (should is False):
            self.wrong.append(f"visitor {who.number} at {at}: {held_out}, {view_id!r}")
        if view_id and cents != CENTS[clip.creator]:
            self.wrong.append(f"the card of {who.number} at {at} costs {cents}")
        visit = self.model.visited(clip.creator, at, should)
        if should is False:
            self._answers(who, clip, visit, view_id, at)
        elif should and self.chance.random() < 0.08:
            self._buys(who, clip, visit, at)

    def _answers(self, who: Visitor, clip: Clip, visit: Visit, view_id: str, at: int) -> None:
        does = self.chance.choices(("accept", "decline", "other", "nothing"), (25, 30, 3, 42))[0]
        later = at + MINUTE_MS
        if does == "decline":
            self.shop.decline(who.number, view_id, later)
            visit.answer = "declined"
        elif does == "other":
            self._buys(who, clip, visit, at)
        elif does == "accept":
            cents = CENTS[clip.creator]
            self.shop.accept(who.number, view_id, cents, later)
            sale = self.model.bought(visit, who, clip, later, cents, by_offer=True)
            if self.chance.random() < 0.2:
                self.shop.undo(who.number, view_id, later + MINUTE_MS)
                self.model.undone(visit, who, sale)
        found = self.shop.answer(view_id)
        if found != (visit.answer, visit.cents):
            self.wrong.append(f"the card of {who.number} at {at}: {found}, not {visit}")

    def _buys(self, who: Visitor, clip: Clip, visit: Visit, at: int) -> None:
        """Beside the offer."""
        later = at + MINUTE_MS
        if clip.creator == "year":
            cents = OTHER_TIP_CENTS
            self.shop.tip(who.number, clip.creator, cents, later)
        else:
            cents = LICENSE_CENTS
            asked = self.shop.license(who.number, clip.number, later)
            if asked != cents:
                self.wrong.append(f"a license of {who.number} at {at} costs {asked}")
        self.model.bought(visit, who, clip, later, cents, by_offer=False)
