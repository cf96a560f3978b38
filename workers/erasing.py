"""Step `erase`: what of an erasure lies outside of the database, cards and customers at processors
and mails in the outbox folder. Its subject is the receipt, the last row that knows the address.
"""

from sqlalchemy import select

from catalog.mail import file_of
from catalog.payments.facts import ProcessorDown, ProcessorRefused
from catalog.payments.processors import by_name
from catalog.privacy import traces
from models.base import now_ms, reading, unit_of_work
from models.mail import Mail
from models.membership import PaymentMethod
from workers.lease import Lease, Waits
from workers.mail import GIVE_UP_MS

AGAIN_MS = 60_000
LEFT_MS = 2_000


def run(lease: Lease) -> None:
    """Repeatable: what is gone already is left alone."""
    _forget_methods(lease.job.spec)
    with reading() as session:
        receipt = session.get(Mail, lease.job.subject)
        now = session.scalar(select(now_ms())) or 0
    if receipt is not None:
        if receipt.sent_ms is None and now - receipt.created_ms < GIVE_UP_MS:
            raise Waits("the receipt to leave", wait_ms=LEFT_MS)  # and any mail before it
        traces.scrub(receipt.to, spared=(file_of(receipt),))
    with lease.saving():
        pass


def _forget_methods(account_id: str) -> None:
    """Each by itself: the row goes once its processor has forgotten it, and its customer."""
    with reading() as session:
        rows = session.scalars(select(PaymentMethod).filter_by(account_id=account_id)).all()
    for row in rows:
        try:
            processor = by_name(row.processor)
            processor.forget(row.customer_ref, row.method_ref)
            processor.forget_customer(row.customer_ref)
        except ProcessorDown as error:
            raise Waits("the payment processor", wait_ms=AGAIN_MS) from error
        except ProcessorRefused:
            pass  # it knows no such method any more
        with unit_of_work() as session:
            gone = session.get(PaymentMethod, row.id)
            if gone is not None:
                session.delete(gone)
