"""Step `charge` and the timer of memberships: renewals, retries, pauses, ends, payments that were
not told of.
"""

import time
from collections.abc import Callable

from sqlalchemy import select, update

from catalog.entitlements import now_of
from catalog.members import advancing, billing, charge_rows, collecting, oneclick, unkept
from catalog.payments.facts import ProcessorDown
from models import job as jobs
from models.base import now_ms, reading, unit_of_work
from models.job import Job, JobState
from models.membership import Charge, ChargeState
from models.steps import ask as ask_for
from workers.lease import Lease
from workers.log import log

MOST = 200
MOST_ASKED = 2_000
GIVEN_UP_MS = 600_000
ROUND_S = 20.0
"""Other timers share the thread; who is left is due in the next round as well."""


def run(lease: Lease) -> None:
    """Done twice, it moves the money once: the try has a key. Where the processor is away the
    timer asks for it again, under the same key.
    """
    with reading() as session:
        now = now_of(session)
    try:
        state = billing.collect(lease.job.subject, now)
        log().info("collected", charge=lease.job.subject, state=state)
    except ProcessorDown as error:
        log().warning("the payment processor is away", charge=lease.job.subject, error=str(error))
    with lease.saving():
        pass


def advance_members() -> None:
    """Every minute. A membership that can't be advanced holds up no other one."""
    seen: set[str] = set()
    until = time.monotonic() + ROUND_S
    while True:
        with reading() as session:
            now = now_of(session)
            ids = [one for one in billing.due(session, now, MOST + len(seen)) if one not in seen]
        for one in ids[:MOST]:
            _advance(one, now)
        seen.update(ids[:MOST])
        if len(ids) < MOST or time.monotonic() > until:
            break
    ask_for_due()
    with unit_of_work() as session:
        advancing.remind(session, now_of(session), MOST)
        unkept.warn(session, now_of(session), MOST)


def ask_for_due() -> None:
    """Charges whose time has come, and those whose job was given up."""
    with unit_of_work() as session:
        for one in charge_rows.due(session, now_of(session), MOST_ASKED):
            charge = session.get_one(Charge, one)
            ask_for(session, "charge", one, None, f"{charge.attempt}-{charge.next_try_ms}")
        open_ones = select(Charge.id).where(Charge.state == ChargeState.ASKED)
        session.execute(
            update(Job)
            .where(
                Job.step == "charge",
                Job.state == JobState.QUARANTINED,
                Job.subject.in_(open_ones),
                Job.finished_ms < now_ms() - GIVEN_UP_MS,
            )
            .values(**jobs.afresh())
        )


def reconcile() -> None:
    """Ask processors for what they should have told of by now."""
    with reading() as session:
        now = now_of(session)
    for charge_id in collecting.waiting(now):
        _asked("charge", charge_id, lambda one: collecting.reconcile(one, now))
    for order_id in oneclick.waiting_orders():
        _asked("order", order_id, oneclick.reconcile_order)


def _advance(membership_id: str, now: int) -> None:
    try:
        with unit_of_work() as session:
            billing.advance(session, membership_id, now)
    except Exception:
        log().exception("a membership could not be advanced", membership=membership_id)


def _asked(what: str, named: str, ask: Callable[[str], str]) -> None:
    try:
        log().info("asked the payment processor", **{what: named}, state=ask(named))
    except ProcessorDown as error:
        log().warning("the payment processor is away", **{what: named}, error=str(error))
    except Exception:
        log().exception("a payment could not be reconciled", **{what: named})
