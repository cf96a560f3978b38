"""Step `ingest`: read what the recording holds; ask for its scout, or refuse it with a reason."""

from models.recording import Recording
from models.steps import ask
from models.storage import store
from workers.disk import admit
from workers.lease import Lease
from workers.material import original_key


def run(lease: Lease) -> None:
    key, size = original_key(lease.job.recording)
    admit(size // 4)
    with store().local(key) as source:
        probe = lease.child("probe", {"source": str(source)})
    with lease.saving() as session:
        recording = session.get_one(Recording, lease.job.recording)
        recording.probe, recording.duration_ms = probe, probe["duration_ms"]
        ask(session, "scout", recording.id, recording.id)
