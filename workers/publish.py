"""Step `publish`: a clip becomes a listing, and takes the place of the one it replaces."""

from sqlalchemy import select

from catalog import prices, reels, reservations
from catalog.listings import publish
from catalog.reviews import take_place
from models.base import now_ms
from models.clip import Clip, ClipKind
from models.reservation import ReservationKind
from workers.lease import Lease


def run(lease: Lease) -> None:
    with lease.saving() as session:
        clip = session.get_one(Clip, lease.job.subject)
        embargo_ms = clip.recording.sidecar.get("embargo_ms") or 0
        # A clip that was asked for after the embargo is new today.
        later = embargo_ms > (session.scalar(select(now_ms())) or 0)
        listing = publish(session, clip.id, visible_from_ms=embargo_ms if later else None)
        prices.fill(session, listing)
        if later:
            reservations.embargo(session, listing, until_ms=embargo_ms)
        if listing.visible_from_ms > embargo_ms:  # from then on its members see it
            from_ms = embargo_ms if later else 0
            reservations.embargo(session, listing, ReservationKind.EARLY, from_ms=from_ms)
        take_place(session, clip.id)
        if clip.kind == ClipKind.REEL:  # one of its clips may be licensed to one alone since
            reels.look(session, clip.recording_id)
