"""The real engine, driven at times of our own: many members in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.year_clock import Clock
from bench.year_model import TIERS
from catalog.errors import CatalogError
from catalog.members import (
    advancing,
    changes,
    charge_rows,
    charges,
    collecting,
    joining,
    leaving,
    oneclick,
    pausing,
    paybacks,
)
from catalog.members.notices import QUIET
from catalog.payments import ledger, sandbox
from models.account import Account, Secret
from models.base import new_id, unit_of_work
from models.creator import Creator, creator_of
from models.membership import Charge, ChargeState, Membership, PaymentMethod, Period, Tier
from models.payment import Refund, RefundState, SandboxCustomer

HOURS_AHEAD = {"early": 24, "drops": 48, "events": 72}
MOST = 100_000


class Engine:
    """By the numbers of people; what it refused is kept in `wrong`."""

    def __init__(self, clock: Clock, first_ms: int) -> None:
        self.clock = clock
        self.accounts: dict[int, str] = {}
        self.cards: dict[int, str] = {}
        self.memberships: dict[int, str] = {}
        self.tips: dict[int, str] = {}
        self.held: list[object] = []
        self.wrong: list[str] = []
        with unit_of_work() as session:
            creator = creator_of(session, "year")
            creator.members_ms = first_ms
            session.flush()
            self.creator_id = creator.id
            self.tiers = {key: _tier(session, creator.id, key) for key in TIERS}
        self.session: Session

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with unit_of_work() as session:
            session.info[QUIET] = True
            self.session = session
            # What is asked for at every step is read once: a session lets go of what nobody holds.
            self.held = [session.get(Tier, id_) for id_ in self.tiers.values()]
            self.held += [session.get(Creator, self.creator_id), session.get(Secret, "house")]
            yield
            self.held.clear()

    def person(self, number: int, card: str) -> None:
        account = Account(email=f"p{number}@example.org", name="", roles=[], verified_ms=1)
        customer = SandboxCustomer(card=card)
        self.session.add_all([account, customer])
        self.session.flush()
        self.session.add(
            PaymentMethod(
                account_id=account.id,
                processor=sandbox.NAME,
                customer_ref=customer.id,
                method_ref=f"card_{customer.id}",
                label=sandbox.LABEL,
            )
        )
        self.accounts[number], self.cards[number] = account.id, customer.id

    def card(self, number: int, card: str) -> None:
        self.session.get_one(SandboxCustomer, self.cards[number]).card = card

    def join(self, number: int, tier: str, period: str, at: int, trial_days: int) -> None:
        charge = joining.ask(
            self.session,
            self.accounts[number],
            self.tiers[tier],
            Period(period),
            at,
            trial_days=trial_days,
        )
        self.memberships[number] = charge.membership_id or ""
        if charge.amount_cents:
            collecting.collect_in(self.session, charge.id, at)
        else:
            charges.settle(self.session, charge, at)

    def change(self, number: int, tier: str, period: str, at: int) -> None:
        id_ = self.memberships[number]
        charge = changes.ask(self.session, id_, self.tiers[tier], Period(period), at)
        if charge is not None and charge.state == ChargeState.ASKED:
            collecting.collect_in(self.session, charge.id, at)

    def pause(self, number: int, months: int, at: int) -> None:
        pausing.pause(self.session, self.memberships[number], months, at)

    def resume(self, number: int, at: int) -> None:
        pausing.resume(self.session, self.memberships[number], at)

    def cancel(self, number: int, at: int) -> None:
        leaving.cancel(self.session, self.memberships[number], at)

    def stay(self, number: int, at: int) -> None:
        leaving.stay(self.session, self.memberships[number], at)

    def withdraw(self, number: int, at: int) -> None:
        leaving.withdraw(self.session, self.memberships[number], at)

    def tip(self, number: int, cents: int, at: int) -> None:
        charge = oneclick.ask_tip(self.session, self.accounts[number], self.creator_id, cents, at)
        collecting.collect_in(self.session, charge.id, at)
        self.tips[number] = charge.id

    def undo_tip(self, number: int) -> None:
        charge = charge_rows.locked(self.session, self.tips[number])
        assert charge is not None
        left = paybacks.left_of(self.session, charge)
        paybacks.of_paid(self.session, charge, left, "Taken back by who paid it.")

    def time_passes(self, at: int) -> None:
        """As the timer and its jobs do."""
        self.clock.set(at, self.session)
        for id_ in advancing.due(self.session, at, MOST):
            advancing.advance(self.session, id_, at)
        for id_ in charge_rows.due(self.session, at, MOST):
            collecting.collect_in(self.session, id_, at)
        left = advancing.due(self.session, at, MOST)
        if left:
            self.wrong.append(f"still due at {at}: {len(left)}")

    def money_goes_back(self, at: int) -> None:
        """Outside a transaction, as the step does: the processor first, then the ledger."""
        self.clock.set(at)
        with unit_of_work() as session:
            wanted = select(Refund).filter_by(state=RefundState.ASKED).order_by(Refund.id)
            asked = session.scalars(wanted).all()
        for row in asked:
            subject = row.charge_id or row.order_id or ""
            self._refunded(row.id, subject, row.payment_ref, row.amount_cents, at)

    def charged_back(self, number: int, cents: int, at: int) -> None:
        """Their last payment, at the processor, which tells of it."""
        with unit_of_work() as session:
            wanted = select(Charge).filter_by(
                membership_id=self.memberships[number], state=ChargeState.PAID
            )
            newest = Charge.paid_ms.desc(), Charge.created_ms.desc()
            paid = wanted.where(Charge.amount_cents > 0).order_by(*newest)
            charge = session.scalars(paid).first()
            assert charge is not None
        if charge.amount_cents != cents:
            self.wrong.append(f"{number} paid {charge.amount_cents} last, not {cents}")
        self._refunded(new_id(), charge.id, charge.payment_ref, charge.amount_cents, at)

    def _refunded(self, key: str, charge_id: str, payment: str, cents: int, at: int) -> None:
        try:
            facts = sandbox.refund(key, charge_id, payment, cents)
        except CatalogError as error:
            self.wrong.append(f"refund of {charge_id}: {error}")
            return
        with unit_of_work() as session:
            session.info[QUIET] = True
            for fact in facts:
                ledger.heard(session, fact, at)

    def state(self, number: int) -> tuple[str, int, int]:
        """State, the end of what is paid, credit: to compare with the model."""
        found = self.session.get_one(Membership, self.memberships[number])
        return str(found.state), found.period_end_ms, found.credit_cents


def _tier(session: Session, creator_id: str, key: str) -> str:
    rank, month, year = TIERS[key]
    made = Tier(
        creator_id=creator_id,
        key=key,
        rank=rank,
        name=key.title(),
        summary="",
        month_cents=month,
        year_cents=year,
        currency="USD",
        lead_ms=HOURS_AHEAD[key] * 3_600_000,
        perks=[{"kind": "early"}],
    )
    session.add(made)
    session.flush()
    return made.id
