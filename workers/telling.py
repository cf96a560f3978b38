"""Step `tell`: the letters of one announcement to one segment. Its spec is the segment."""

from sqlalchemy import select

from catalog.letters import telling
from models.base import now_ms, unit_of_work
from workers.lease import Lease, Waits

TOMORROW_MS = 6 * 3_600_000


def run(lease: Lease) -> None:
    """Repeatable: each letter is a row that can be there once. Who had another today gets it later,
    as long as what is announced lies ahead.
    """
    after, waits = "", False
    while True:
        with unit_of_work() as session:
            at_ms = session.scalar(select(now_ms())) or 0
            found = telling.write(session, lease.job.subject, lease.job.spec, after, at_ms)
        waits, after = waits or found.waits, found.last
        if not after:
            break
    if waits:
        raise Waits("those who had a letter today", wait_ms=TOMORROW_MS)
    with lease.saving():
        pass
