"""Steps `refund` and `sandbox`; and what asks the processor where its webhooks are lost."""

from sqlalchemy import select, update

from catalog import checkout, reservations
from catalog.members import paybacks
from catalog.payments import ledger, sandbox
from catalog.payments.facts import ProcessorDown, ProcessorRefused
from catalog.payments.processors import by_name
from models import job as jobs
from models.base import now_ms, reading, unit_of_work
from models.job import Job, JobState
from models.payment import Refund, RefundState
from workers import members
from workers.lease import Lease, Waits
from workers.log import log

AGAIN_MS = 30_000
GIVEN_UP_MS = 600_000
UNHEARD_MS = 900_000


def run(lease: Lease) -> None:
    """Done twice, it moves the money once: the row's id is the key."""
    with reading() as session:
        row = session.get_one(Refund, lease.job.subject)
    if row.state == RefundState.ASKED:
        try:
            facts = by_name(row.processor).refund(
                row.id, row.order_id or row.charge_id or "", row.payment_ref, row.amount_cents
            )
            ledger.hear_all(facts)
        except ProcessorDown as error:
            raise Waits("the payment processor", wait_ms=AGAIN_MS) from error
        except ProcessorRefused as error:
            with lease.saving() as session:
                paybacks.refused(session, row.id, str(error))
            return
    with lease.saving():
        pass


def run_sandbox(lease: Lease) -> None:
    """The sandbox tells its events as a processor does: by a signed message, in its own time."""
    payment_id, number = lease.job.subject, int(lease.job.spec)
    body, headers, wait_ms = sandbox.message(payment_id, number)
    if wait_ms:
        raise Waits("the moment at which the sandbox tells", wait_ms=wait_ms)
    ledger.receive(sandbox.NAME, body, headers)
    with lease.saving():
        pass


def ask_for_refunds() -> None:
    """Every quarter of an hour: what became of refunds whose webhook may be lost. A bank may take
    days over one, so not every minute."""
    with reading() as session:
        long_ago = Refund.asked_ms <= now_ms() - UNHEARD_MS
        waiting = select(Refund).where(Refund.state == RefundState.ASKED, long_ago)
        rows = session.scalars(waiting.order_by(Refund.asked_ms)).all()
    for row in rows:
        try:
            ledger.hear_all(by_name(row.processor).refunded(row.id, row.payment_ref))
        except (ProcessorDown, ProcessorRefused) as error:
            log().warning("nothing is known of a refund", refund=row.id, error=str(error))
        except Exception:
            log().exception("a refund could not be asked for", refund=row.id)


def reconcile() -> None:
    """Every minute: ask for payments that were not told of, let go of holds that are over."""
    for order_id in checkout.waiting():
        try:
            state = checkout.reconcile(order_id)
            log().info("asked the payment processor", order=order_id, state=state)
        except ProcessorDown as error:
            log().warning("the payment processor is away", order=order_id, error=str(error))
        except Exception:
            log().exception("an order could not be reconciled", order=order_id)
    members.reconcile()
    with unit_of_work() as session:
        reservations.release_expired(session)
        unfinished = select(Refund.id).where(Refund.state == RefundState.ASKED)
        session.execute(  # money that is owed is tried for again, whatever went wrong before
            update(Job)
            .where(
                Job.step == "refund",
                Job.state == JobState.QUARANTINED,
                Job.subject.in_(unfinished),
                Job.finished_ms < now_ms() - GIVEN_UP_MS,
            )
            .values(**jobs.afresh())
        )
