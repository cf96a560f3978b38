"""Step `previews`: the small files of a clip that was made before there were any."""

from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from catalog import reels
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.job import Job
from models.steps import ask
from models.storage import store
from workers.disk import MB, admit
from workers.lease import Lease
from workers.material import stored

ROOM = 64 * MB
AT_ONCE = 500
NICENESS = 10


def run(lease: Lease) -> None:
    with reading() as session:
        clip = session.get_one(Clip, lease.job.subject)
        master, poster = clip.asset(AssetKind.MASTER), clip.asset(AssetKind.POSTER)
        peak_ms = _peak_ms(session, clip)
    assert master is not None, clip.id
    admit(ROOM)
    with store().local(master.key) as source, store().local((poster or master).key) as shown:
        request = {
            "source": str(source),
            "poster": str(shown) if poster else "",
            "peak_ms": peak_ms,
            "folder": str(lease.folder),
        }
        made = lease.child("previews", request, reads=[shown.resolve()], nice=NICENESS)
    assets = [stored(Path(path), AssetKind(kind), clip.recording_id) for kind, path in made.items()]
    with lease.saving() as session:
        for asset in assets:
            _take_place(session, clip.id, asset)
        session.flush()
        reels.look(session, clip.recording_id)


def ask_for_missing() -> int:
    """For the timer: clips stay on sale with their posters till then."""
    has = select(Asset.id).where(Asset.clip_id == Clip.id)
    asked = select(Job.id).where(Job.step == "previews", Job.subject == Clip.id)
    without = select(Clip.id).where(
        exists(has.where(Asset.kind == AssetKind.MASTER)),
        ~exists(has.where(Asset.kind == AssetKind.PREVIEW)),
        ~exists(asked),
    )
    with reading() as session:
        found = session.scalars(without.limit(AT_ONCE)).all()
    for clip_id in found:
        with unit_of_work() as session:
            ask(session, "previews", clip_id, None)
    return len(found)


def _peak_ms(session: Session, clip: Clip) -> int:
    candidate = session.get(Candidate, clip.candidate_id) if clip.candidate_id else None
    if candidate is None:
        return clip.length_ms // 2
    return min(max(0, candidate.peak_ms - clip.start_ms), clip.length_ms)


def _take_place(session: Session, clip_id: str, asset: Asset) -> None:
    """Of the one of its kind: a poster was larger once."""
    old = select(Asset).where(Asset.clip_id == clip_id, Asset.kind == asset.kind)
    for one in session.scalars(old):
        session.delete(one)
    asset.clip_id = clip_id
    session.add(asset)
