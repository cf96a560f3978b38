"""Step `reprice`: listings come to new prices, some at a time."""

from catalog import prices
from models.base import unit_of_work
from pipeline.sandbox import Stopped
from workers.lease import Lease

HOUSE = "house"


def run(lease: Lease) -> None:
    """Its subject: a creator's id, or the house. Run again, it changes what still differs."""
    whose = prices.HOUSE if lease.job.subject == HOUSE else lease.job.subject
    last = ""
    while True:
        if lease.lost.is_set():
            raise Stopped
        with unit_of_work() as session:
            last = prices.reprice(session, whose, last)
        if not last:
            break
    with lease.saving():
        pass
