"""The real engine of visits, offers and licenses, each in transactions of its own."""

from bench.year_clock import Clock
from bench.year_model import DAY_MS
from bench.year_visit_model import OFFERS, TIP, TIP_CENTS
from catalog import listings, orders, pricing, quotes, terms
from catalog.auth import Visitor
from catalog.members import billing, oneclick
from catalog.offers import answers, choosing, sessions
from catalog.payments import sandbox
from models.account import Account
from models.base import unit_of_work
from models.clip import Clip
from models.creator import Creator, creator_of
from models.membership import PaymentMethod
from models.offer import ContentSession, Offer, OfferView
from models.payment import SandboxCustomer
from models.recording import Recording, RecordingState

HELD_OUT = 30
LENGTH_MS = 27_000


class Shop:
    """By the numbers of visitors and clips. Each creator makes one offer."""

    def __init__(self, clock: Clock, first_ms: int) -> None:
        self.clock = clock
        self.people: dict[int, Visitor] = {}
        self.clips: dict[int, str] = {}
        self.recordings: dict[str, str] = {}
        self.creators: dict[str, str] = {}
        self.offers: dict[str, str] = {}
        with unit_of_work() as session:
            terms.publish(session)
            pricing.publish(session)
            for slug, title in OFFERS.items():
                creator = creator_of(session, slug)
                session.flush()
                self.creators[slug] = creator.id
                made = _offer(creator, title, first_ms)
                session.add(made)
                session.flush()
                self.offers[slug] = made.id

    def publish(self, number: int, creator: str, at: int) -> int:
        """From when everybody sees it."""
        self.clock.set(at)
        with unit_of_work() as session:
            if creator not in self.recordings:
                made = _recording(self.creators[creator])
                session.add(made)
                session.flush()
                self.recordings[creator] = made.id
            clip = Clip(
                recording_id=self.recordings[creator],
                spec=f"clip {number}",
                start_ms=number * 30_000,
                end_ms=number * 30_000 + LENGTH_MS,
                title=f"Clip {number}",
                tags=["goal"],
                score=0.9,
                reasons={"cheer": 0.7},
                width=1280,
                height=720,
                essence_sha256=f"{number:064x}",
            )
            session.add(clip)
            session.flush()
            self.clips[number] = clip.id
            return listings.publish(session, clip.id, visible_from_ms=None).visible_from_ms

    def withdraw(self, number: int, at: int) -> None:
        self.clock.set(at)
        with unit_of_work() as session:
            listings.withdraw(session, self.clips[number], "Its creator took it off sale.")

    def visit(self, number: int, clip: int, at: int) -> tuple[bool | None, str, int]:
        """Held out or not, None where nothing fitted; id and price of the card that is shown."""
        self.clock.set(at)
        who = self._person(number)
        with unit_of_work() as session:
            row = session.get_one(Clip, self.clips[clip])
            sessions.touch(session, who, row, at)
            shown = choosing.fitting(session, who, "end", row, at)
            session.flush()
            held_out = sessions.current(session, who, row, at).held_out
            if shown is None:
                return held_out, "", 0
            return held_out, shown.view.id, shown.deal.cents

    def accept(self, number: int, view_id: str, cents: int, at: int) -> None:
        self.clock.set(at)
        answers.accept(self._person(number), view_id, cents=cents, currency="USD")

    def decline(self, number: int, view_id: str, at: int) -> None:
        self.clock.set(at)
        with unit_of_work() as session:
            answers.decline(session, self._person(number), view_id)

    def undo(self, number: int, view_id: str, at: int) -> None:
        self.clock.set(at)
        answers.undo(self._person(number), view_id)

    def tip(self, number: int, creator: str, cents: int, at: int) -> None:
        """Without an offer."""
        self.clock.set(at)
        oneclick.tip(self._person(number), self.creators[creator], cents, "USD")

    def license(self, number: int, clip: int, at: int) -> int:
        """Without an offer. What it cost."""
        self.clock.set(at)
        who = self._person(number)
        with unit_of_work(actor=who.actor) as session:
            listing = listings.get(session, self.clips[clip])
            quote = quotes.open_quote(session, who, listing.id, "personal", {})
            order = orders.of_quotes(session, who, [quote.id])
            oneclick.hold(session, who, order)
        billing.pay_order(who, order.id)
        return order.total_cents

    def answer(self, view_id: str) -> tuple[str, int]:
        """What the card was answered with, and what its visit brought."""
        with unit_of_work() as session:
            view = session.get_one(OfferView, view_id)
            visit = session.get_one(ContentSession, view.session_id)
            return str(view.answer), visit.bought_cents

    def _person(self, number: int) -> Visitor:
        found = self.people.get(number)
        if found is not None:
            return found
        with unit_of_work() as session:
            email = f"v{number}@example.org"
            account = Account(email=email, name=f"V {number}", roles=[], verified_ms=1)
            customer = SandboxCustomer(card="works")
            session.add_all([account, customer])
            session.flush()
            kept = PaymentMethod(
                account_id=account.id,
                processor=sandbox.NAME,
                customer_ref=customer.id,
                method_ref=f"card_{customer.id}",
                label=sandbox.LABEL,
            )
            session.add(kept)
            made = Visitor(account_id=account.id, email=email, name=account.name)
        self.people[number] = made
        return made


def _offer(creator: Creator, title: str, first_ms: int) -> Offer:
    return Offer(
        creator_id=creator.id,
        key="year",
        kind="tip" if title == TIP else "personal",
        moment="end",
        title=title,
        facts={"cents": TIP_CENTS} if title == TIP else {},
        starts_ms=first_ms - DAY_MS,
        holdout=HELD_OUT,
    )


def _recording(creator_id: str) -> Recording:
    return Recording(
        creator_id=creator_id,
        sha256=creator_id * 2,
        name="match.mp4",
        title="A match",
        size=1,
        state=RecordingState.DONE,
        duration_ms=3_600_000,
        probe={"format": "mov", "duration_ms": 3_600_000, "video": None, "audio": None},
    )
