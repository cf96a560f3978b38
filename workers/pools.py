"""Steps `route` and `pool`: a clip finds its pools, and a rule that changed finds its clips."""

from catalog import reels, routing
from models.base import unit_of_work
from models.listing import Listing
from models.pool import Pool
from workers.lease import Lease


def run_route(lease: Lease) -> None:
    with lease.saving() as session:
        routing.route(session, lease.job.subject)
        listing = session.get_one(Listing, lease.job.subject)
        if listing.visible_from_ms > listing.published_ms:  # it had to wait, and so had its reel
            reels.look(session, listing.clip.recording_id)


def run_pool(lease: Lease) -> None:
    """In batches, each a transaction of its own: killed and run again, it finds the same."""
    with unit_of_work() as session:
        closed = session.get_one(Pool, lease.job.subject).closed_ms is not None
    if not closed:
        _fill(lease)
        _drain(lease)
    with lease.saving():
        return


def _fill(lease: Lease) -> None:
    after: str | None = ""
    while after is not None and not lease.lost.is_set():
        with unit_of_work() as session:
            pool = session.get_one(Pool, lease.job.subject)
            after = routing.fill(session, pool, after) or None


def _drain(lease: Lease) -> None:
    more = True
    while more and not lease.lost.is_set():
        with unit_of_work() as session:
            more = routing.drain(session, session.get_one(Pool, lease.job.subject))
