"""Step `clip`: a candidate becomes a signed clip in the store; ask to publish it."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.analysis import Analysis, Candidate, Transcript
from models.base import new_id, reading
from models.clip import Asset, AssetKind, Clip
from models.creator import Creator
from models.event import record
from models.recording import Recording
from models.settings import settings
from models.steps import ask
from models.storage import sha256_of, store
from pipeline import ffmpeg, profiles, provenance
from pipeline.kinds import AUTO, PROFILES
from pipeline.timeline import Span
from pipeline.transcribe import quality_note
from workers.disk import MB, admit
from workers.lease import Lease, Waits
from workers.material import original_key, stored
from workers.speech import chosen_engine
from workers.version import VERSION

ROOM = 400 * MB


def run(lease: Lease) -> None:
    with reading() as session:
        candidate = session.get_one(Candidate, lease.job.subject)
        recording = session.get_one(Recording, candidate.recording_id)
        analysis = session.get(Analysis, recording.id)
        creator = session.get_one(Creator, recording.creator_id)
    if not candidate.wanted:
        _leave(lease)
        return
    admit(ROOM)
    lengths = _lengths(analysis.profile if analysis else AUTO)
    wanted = _wanted(candidate, recording, lengths)
    key, _ = original_key(recording.id)
    with store().local(key) as source:
        made = lease.child(
            "clip",
            {
                "source": str(source),
                "probe": recording.probe,
                "wanted": wanted,
                "folder": str(lease.folder),
            },
            reads=[Path(wanted["speech_model"])] if wanted["speech_model"] else [],
        )
    clip = _clip(made, candidate, wanted)
    chain = provenance.ensure_chain(settings().resolved_keys)
    clip.signed_by = chain.subject
    signed = lease.folder / "signed.mp4"
    provenance.sign(
        Path(made["files"]["master"]), signed, chain, _claim(clip, recording, creator, made)
    )
    assets = _stored(lease.folder, signed, made, recording.id)
    _save(lease, clip, assets, made)


def _leave(lease: Lease) -> None:
    """Taken back before it was made."""
    with lease.saving() as session:
        if session.get_one(Candidate, lease.job.subject).wanted:
            raise Waits("its turn: it was asked for again")


def _wanted(candidate: Candidate, recording: Recording, lengths: tuple[int, int]) -> dict[str, Any]:
    engine, model = chosen_engine()
    min_ms, max_ms = lengths
    return {
        "moment": {"start_ms": candidate.start_ms, "end_ms": candidate.end_ms},
        "peak_ms": candidate.peak_ms,
        "min_ms": min_ms,
        "max_ms": max_ms,
        "reasons": candidate.reasons,
        "name": recording.title,
        "speech": engine,
        "speech_model": model,
        "language": recording.sidecar.get("language", ""),
        "exact": candidate.exact,
    }


def _lengths(name: str) -> tuple[int, int]:
    """Shortest and longest, ms: the profile's, within what the operator allows."""
    least, most = settings().clip_min_s * 1000, settings().clip_max_s * 1000
    if name not in PROFILES:
        return least, most
    profile = PROFILES[name]
    return min(most, max(least, profile.least_ms)), max(least, min(most, profile.most_ms))


def _clip(made: dict[str, Any], candidate: Candidate, wanted: dict[str, Any]) -> Clip:
    limits = ["exact"] if candidate.exact else [wanted["min_ms"], wanted["max_ms"]]
    spec = json.dumps([wanted["moment"], *limits], sort_keys=True)
    return Clip(
        id=new_id(),
        recording_id=candidate.recording_id,
        candidate_id=candidate.id,
        spec=hashlib.sha256(spec.encode()).hexdigest(),
        start_ms=made["span"]["start_ms"],
        end_ms=made["span"]["end_ms"],
        title=made["title"],
        tags=made["tags"],
        score=candidate.score,
        reasons=candidate.reasons,
        width=made["width"],
        height=made["height"],
        essence_sha256=sha256_of(Path(made["files"]["master"])),
    )


def _claim(
    clip: Clip, recording: Recording, creator: Creator, made: dict[str, Any]
) -> provenance.ClipClaim:
    said = made["transcript"] or {}
    allowed = recording.sidecar.get("allow_ai_training")
    if allowed is None:
        allowed = creator.allow_ai_training
    return provenance.ClipClaim(
        title=clip.title,
        clip_id=clip.id,
        recording_id=recording.id,
        recording_sha256=recording.sha256,
        recording_title=recording.title,
        recording_duration_ms=recording.duration_ms or 0,
        recording_mime="video/mp4" if (recording.probe or {}).get("video") else "audio/mp4",
        span=Span(clip.start_ms, clip.end_ms),
        creator=recording.sidecar.get("rights_holder") or creator.name,
        created=datetime.now(UTC),
        parameters={
            "container": "mp4",
            "audio": f"aac {profiles.MASTER_AUDIO_KBPS}k",
            **({"video": f"h264 crf {profiles.MASTER_CRF}"} if clip.width else {}),
            **({"width": clip.width, "height": clip.height} if clip.width else {}),
        },
        software=(("Reelyard", VERSION), ("ffmpeg", ".".join(map(str, ffmpeg.version())))),
        speech_engine=said.get("engine"),
        speech_version=said.get("version"),
        speech_quality=said.get("quality"),
        highlight_score=clip.score,
        highlight_reasons=clip.reasons,
        allow_ai_training=settings().allow_ai_training if allowed is None else allowed,
    )


def _stored(folder: Path, signed: Path, made: dict[str, Any], recording_id: str) -> list[Asset]:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(provenance.manifest_json(signed), indent=1), encoding="utf-8")
    files = {
        AssetKind.MASTER: signed,
        AssetKind.MANIFEST: manifest,
    }
    files |= {
        AssetKind(kind): Path(path) for kind, path in made["files"].items() if kind != "master"
    }
    return [stored(path, kind, recording_id) for kind, path in files.items()]


def _save(lease: Lease, clip: Clip, assets: list[Asset], made: dict[str, Any]) -> None:
    with lease.saving() as session:
        session.add(clip)
        session.flush()
        for asset in assets:
            asset.clip_id = clip.id
        session.add_all(assets)
        if made["transcript"]:
            session.add(_transcript(clip.id, made["transcript"]))
        record(session, "clip.made", clip.id, recording=clip.recording_id, score=clip.score)
        ask(session, "publish", clip.id, clip.recording_id)


def _transcript(clip_id: str, said: dict[str, Any]) -> Transcript:
    return Transcript(
        clip_id=clip_id,
        engine=said["engine"],
        version=said["version"],
        model=said["model"],
        quality=said["quality"],
        quality_note=quality_note(said["quality"]),
        language=said["language"],
        text=" ".join(segment["text"] for segment in said["segments"]),
        segments=[
            {
                **{name: segment[name] for name in ("start_ms", "end_ms", "text")},
                "words": [
                    [word["start_ms"], word["end_ms"], word["text"], word["confidence"]]
                    for word in segment["words"]
                ],
            }
            for segment in said["segments"]
        ],
    )
