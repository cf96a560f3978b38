"""Step `reel`: the best clips of a recording joined into one; ask to publish it."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from catalog import reels
from models.analysis import Transcript
from models.base import new_id, reading
from models.clip import Asset, AssetKind, Clip, ClipKind
from models.event import record
from models.pool import ReelPart
from models.recording import Recording
from models.settings import settings
from models.steps import ask
from models.storage import sha256_of, store
from pipeline import ffmpeg, profiles, provenance
from pipeline.captions import webvtt
from pipeline.timeline import Segment, Word
from pipeline.transcribe import quality_note
from workers.disk import MB, admit
from workers.lease import Lease, Waits
from workers.material import stored
from workers.version import VERSION

ROOM = 400 * MB
NICENESS = 10
TITLE = "Highlights of {}"


def run(lease: Lease) -> None:
    """Where other clips are the best ones by now, nothing: their reel is asked for as well."""
    recording_id = lease.job.subject
    with reading() as session:
        parts = reels.wanted(session, recording_id)
        due = bool(parts) and reels.spec(parts) == lease.job.spec
        for part in parts:
            _ = part.assets, part.transcript, part.recording.creator
    if not due:
        _leave(lease)
        return
    admit(ROOM)
    masters = [_master(part) for part in parts]
    best = max(range(len(parts)), key=lambda number: parts[number].score)
    with contextlib.ExitStack() as held:
        paths = [held.enter_context(store().local(master.key)) for master in masters]
        request = {
            "source": str(paths[0]),
            "parts": [str(path) for path in paths],
            "best": best,
            "folder": str(lease.folder),
        }
        reads = [path.resolve() for path in paths]
        made = lease.child("reel", request, reads=reads, nice=NICENESS)
        reel = _reel(parts, made, lease.job.spec)
        said = _said(parts, made, reel)
        assets = _stored(lease.folder, reel, parts, paths, made, said)
    _save(lease, reel, parts, made, said, assets)


def _leave(lease: Lease) -> None:
    with lease.saving() as session:
        reels.look(session, lease.job.subject)


def _master(clip: Clip) -> Asset:
    found = clip.asset(AssetKind.MASTER)
    if found is None:
        raise Waits("a clip whose file is not in the store")
    return found


def _reel(parts: list[Clip], made: dict[str, Any], spec: str) -> Clip:
    """Its times are its own, from 0: it is no span of the recording."""
    names = {name for part in parts for name in part.reasons}
    reasons = {
        name: sum(part.reasons.get(name, 0.0) for part in parts) / len(parts) for name in names
    }
    return Clip(
        id=new_id(),
        recording_id=parts[0].recording_id,
        kind=ClipKind.REEL,
        spec=spec,
        start_ms=0,
        end_ms=made["length_ms"],
        title=TITLE.format(parts[0].recording.title)[:300],
        tags=list(dict.fromkeys(tag for part in parts for tag in part.tags))[:12],
        score=sum(part.score for part in parts) / len(parts),
        reasons=dict(sorted(reasons.items())),
        width=made["width"],
        height=made["height"],
        essence_sha256=sha256_of(Path(made["files"]["master"])),
    )


def _said(parts: list[Clip], made: dict[str, Any], reel: Clip) -> Transcript | None:
    """What is said in the parts, moved to where they are in the reel."""
    spoken = [(part, at) for part, at in zip(parts, made["starts_ms"], strict=True)]
    known = [(part, at, part.transcript) for part, at in spoken if part.transcript]
    if not known:
        return None
    segments = [
        _moved(segment, at - part.start_ms)
        for part, at, transcript in known
        for segment in transcript.segments
    ]
    first = known[0][2]
    return Transcript(
        clip_id=reel.id,
        engine=first.engine,
        version=first.version,
        model=first.model,
        quality=first.quality,
        quality_note=first.quality_note,
        language=first.language,
        text=" ".join(segment["text"] for segment in segments),
        segments=segments,
    )


def _moved(segment: dict[str, Any], by_ms: int) -> dict[str, Any]:
    return {
        "start_ms": segment["start_ms"] + by_ms,
        "end_ms": segment["end_ms"] + by_ms,
        "text": segment["text"],
        "words": [[start + by_ms, end + by_ms, *rest] for start, end, *rest in segment["words"]],
    }


def _captions(said: Transcript, reel: Clip) -> str:
    segments = [
        Segment(
            one["start_ms"],
            one["end_ms"],
            one["text"],
            tuple(Word(*word) for word in one["words"]),
        )
        for one in said.segments
    ]
    note = f"{said.engine} {said.version}: {quality_note(said.quality)}"
    return webvtt(segments, start_ms=0, end_ms=reel.length_ms, note=note)


def _stored(
    folder: Path,
    reel: Clip,
    parts: list[Clip],
    paths: list[Path],
    made: dict[str, Any],
    said: Transcript | None,
) -> list[Asset]:
    chain = provenance.ensure_chain(settings().resolved_keys)
    reel.signed_by = chain.subject
    signed, manifest = folder / "signed.mp4", folder / "manifest.json"
    provenance.sign(
        Path(made["files"]["master"]), signed, chain, _claim(reel, parts, paths, made["starts_ms"])
    )
    text = json.dumps(provenance.manifest_json(signed, chain.anchors_pem), indent=1)
    manifest.write_text(text, encoding="utf-8")
    files = {AssetKind(kind): Path(path) for kind, path in made["files"].items()}
    files |= {AssetKind.MASTER: signed, AssetKind.MANIFEST: manifest}
    if said and said.segments:
        files[AssetKind.CAPTIONS] = folder / "captions.vtt"
        files[AssetKind.CAPTIONS].write_text(_captions(said, reel), encoding="utf-8")
    return [stored(path, kind, reel.recording_id) for kind, path in files.items()]


def _claim(
    reel: Clip, parts: list[Clip], paths: list[Path], starts_ms: list[int]
) -> provenance.ReelClaim:
    recording = parts[0].recording
    allowed = recording.sidecar.get("allow_ai_training")
    if allowed is None:
        allowed = recording.creator.allow_ai_training
    return provenance.ReelClaim(
        title=reel.title,
        clip_id=reel.id,
        parts=[
            provenance.Part(part.id, part.title, path, at_ms, part.length_ms)
            for part, path, at_ms in zip(parts, paths, starts_ms, strict=True)
        ],
        creator=recording.sidecar.get("rights_holder") or recording.creator.name,
        created=datetime.now(UTC),
        parameters={
            "container": "mp4",
            "audio_codec": f"aac {profiles.MASTER_AUDIO_KBPS}k",
            **({"video_codec": f"h264 crf {profiles.MASTER_CRF}"} if reel.width else {}),
            **({"width": reel.width, "height": reel.height} if reel.width else {}),
        },
        software=(("Reelyard", VERSION), ("ffmpeg", ".".join(map(str, ffmpeg.version())))),
        highlight_score=reel.score,
        allow_ai_training=settings().allow_ai_training if allowed is None else allowed,
    )


def _save(
    lease: Lease,
    reel: Clip,
    parts: list[Clip],
    made: dict[str, Any],
    said: Transcript | None,
    assets: list[Asset],
) -> None:
    with lease.saving() as session:
        session.get_one(Recording, reel.recording_id, with_for_update=True)
        session.add(reel)
        session.flush()
        for asset in assets:
            asset.clip_id = reel.id
        session.add_all(assets)
        if said:
            session.add(said)
        _keep_parts(session, reel, parts, made["starts_ms"])
        record(session, "reel.made", reel.id, recording=reel.recording_id, parts=len(parts))
        session.flush()
        reels.look(session, reel.recording_id)
        ask(session, "publish", reel.id, None)


def _keep_parts(session: Session, reel: Clip, parts: list[Clip], starts_ms: list[int]) -> None:
    for position, (part, at_ms) in enumerate(zip(parts, starts_ms, strict=True)):
        session.add(ReelPart(reel_id=reel.id, position=position, clip_id=part.id, at_ms=at_ms))
