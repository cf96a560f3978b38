"""Step `publish`: a clip becomes a listing."""

from catalog.listings import publish
from models.clip import Clip
from workers.lease import Lease


def run(lease: Lease) -> None:
    with lease.saving() as session:
        clip = session.get_one(Clip, lease.job.subject)
        embargo_ms = clip.recording.sidecar.get("embargo_ms")
        publish(session, clip.id, visible_from_ms=embargo_ms)
