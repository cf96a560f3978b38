"""The invariants, checked after every fault: `reelyard check`. Each answers its problems."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import func, select

from models.base import reading
from models.clip import Asset, AssetKind, Clip, ClipKind
from models.job import Job, JobState
from models.recording import Recording, RecordingState, RenditionChunk
from models.settings import settings
from models.storage import store
from pipeline import provenance
from pipeline.probe import Probe
from pipeline.profiles import chunk_spans
from pipeline.timeline import Span
from workers.books import money_adds_up
from workers.periodic import orphans


def recordings_end() -> Iterator[str]:
    """I1: every recording ends, with a reason; till then work is asked for."""
    with reading() as session:
        for recording in session.scalars(select(Recording)):
            states = session.scalars(
                select(Job.state).where(Job.recording_id == recording.id)
            ).all()
            active = [state for state in states if state in (JobState.READY, JobState.RUNNING)]
            if recording.state == RecordingState.WORKING and not active:
                yield f"recording {recording.id} is unfinished and nothing is asked for it"
            done = recording.state in (RecordingState.DONE, RecordingState.QUARANTINED)
            if (done and active) or (not done and _unwanted(recording, active)):
                yield f"recording {recording.id} is {recording.state} but {len(active)} jobs wait"
            needs = recording.state in (RecordingState.REJECTED, RecordingState.QUARANTINED)
            if needs and not recording.reason:
                yield f"recording {recording.id} is {recording.state} without a reason"
            if recording.state == RecordingState.DONE:
                yield from _complete(recording)


def _unwanted(recording: Recording, active: Sequence[JobState]) -> bool:
    return recording.state == RecordingState.REJECTED and JobState.READY in active


def _complete(recording: Recording) -> Iterator[str]:
    for candidate in recording.candidates:
        if candidate.wanted and (candidate.clip is None or candidate.clip.listing is None):
            yield f"recording {recording.id} is done but a moment that was wanted has no listing"
    for clip in recording.clips:
        for kind in (AssetKind.MASTER, AssetKind.POSTER, AssetKind.MANIFEST):
            if clip.asset(kind) is None:
                yield f"clip {clip.id} has no {kind}"
    rungs = {chunk.rung for chunk in recording.chunks if chunk.rung != "audio"}
    if rungs and recording.probe:
        wanted = len(chunk_spans(Probe.from_dict(recording.probe)))
        for rung in rungs:
            have = [chunk.number for chunk in recording.chunks if chunk.rung == rung]
            if not set(have) <= set(range(wanted)):
                yield f"recording {recording.id}: {rung} has chunks {have} of {wanted}"


def nothing_twice() -> Iterator[str]:
    """I2: one clip for one ask, one candidate for one clip, one chunk of one rung."""
    pairs = (
        (Clip.recording_id, Clip.spec),
        (Clip.recording_id, Clip.candidate_id),
        (Asset.clip_id, Asset.kind),
        (Asset.license_id, Asset.suffix),
    )
    with reading() as session:
        for first, second in pairs:
            wanted = select(first, second).where(first.is_not(None), second.is_not(None))
            if first is Asset.clip_id:  # each license has a copy of its own
                wanted = wanted.where(Asset.license_id.is_(None))
            rows = session.execute(wanted.group_by(first, second).having(func.count() > 1))
            for row in rows:
                yield f"made twice: {row}"
        chunks = session.execute(
            select(RenditionChunk.recording_id, RenditionChunk.rung, RenditionChunk.number)
            .group_by(RenditionChunk.recording_id, RenditionChunk.rung, RenditionChunk.number)
            .having(func.count() > 1)
        )
        for chunk in chunks:
            yield f"encoded twice: {chunk}"


def bytes_are_there() -> Iterator[str]:
    """I3: every row's object exists and its sha256 matches; every object has a row or is young."""
    with reading() as session:
        assets = session.scalars(select(Asset)).all()
    for asset in assets:
        digest = hashlib.sha256()
        try:
            for block in store().read(asset.key):
                digest.update(block)
        except KeyError:
            yield f"the object of {asset.kind} {asset.id} is missing"
            continue
        if digest.hexdigest() != asset.sha256:
            yield f"the object of {asset.kind} {asset.id} is damaged"
    for stored in orphans():
        yield f"no row names the object {stored.key}, older than an hour"


def manifests_hold() -> Iterator[str]:
    """I3: every master's and every licensed copy's manifest is trusted and says what its row says:
    the recording and the span, the license, the parts of a reel.
    """
    anchors = provenance.anchors(settings().resolved_keys)
    signed = Asset.kind.in_((AssetKind.MASTER, AssetKind.DELIVERY)) & (Asset.suffix == ".mp4")
    with reading() as session:
        for asset in session.scalars(select(Asset).where(signed)):
            assert asset.clip is not None
            try:
                with store().local(asset.key) as path:
                    verdict = provenance.read(path, anchors)
            except KeyError:  # told by bytes_are_there
                continue
            clip = asset.clip
            if verdict.state != "Trusted":
                yield f"clip {clip.id}: {verdict.state}: {'; '.join(verdict.problems)}"
            elif verdict.license_id != asset.license_id:
                yield f"clip {clip.id}: a copy names another license in its manifest"
            elif clip.kind == ClipKind.REEL:
                if len(verdict.part_clip_ids) < 2 and asset.license_id is None:
                    yield f"reel {clip.id} names no clips in its manifest"
            elif verdict.recording_sha256 != clip.recording.sha256:
                yield f"clip {clip.id} names another recording in its manifest"
            elif verdict.span != Span(clip.start_ms, clip.end_ms):
                yield f"clip {clip.id} names another span in its manifest: {verdict.span}"


def nothing_partial() -> Iterator[str]:
    """I4: nothing in the store but objects named by their content."""
    for stored in store().all():
        name = stored.key.rpartition("/")[2]
        if name.startswith(".") and name.endswith(".tmp"):
            continue  # no final name: being written, or left by a kill and collected in an hour
        if len(name.partition(".")[0]) != 64:
            yield f"not an object: {stored.key}"


def nothing_private() -> Iterator[str]:
    """I6: no folder of this machine in what leaves it."""
    private = str(settings().data.absolute()).encode()
    with reading() as session:
        kinds = (AssetKind.MASTER, AssetKind.MANIFEST, AssetKind.CAPTIONS, AssetKind.DELIVERY)
        for asset in session.scalars(select(Asset).where(Asset.kind.in_(kinds))):
            try:
                told = any(private in block for block in store().read(asset.key))
            except KeyError:  # told by bytes_are_there
                continue
            if told:
                yield f"{asset.kind} {asset.id} holds the path of the data folder"
        reasons = session.scalars(select(Recording.reason)).all()
        errors = session.scalars(select(Job.error)).all()
        for text in (*reasons, *errors):
            if private.decode() in text:
                yield f"a reason holds the path of the data folder: {text[:80]}"


INVARIANTS: dict[str, Callable[[], Iterator[str]]] = {
    "every recording ends, with a reason": recordings_end,
    "nothing is made twice": nothing_twice,
    "every row's bytes are there and right": bytes_are_there,
    "every manifest is trusted": manifests_hold,
    "nothing partial in the store": nothing_partial,
    "nothing private in what leaves": nothing_private,
    "money adds up": money_adds_up,
}


def check_all() -> dict[str, list[str]]:
    """Problems by invariant; an empty list is good."""
    return {name: list(check()) for name, check in INVARIANTS.items()}
