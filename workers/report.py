"""What the command line says of recordings: as data (--json) and as tables for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from models.base import reading
from models.clip import Asset, Clip, ClipKind
from models.job import Job
from models.listing import ListingState
from models.recording import Recording, RecordingState
from models.settings import settings
from models.storage import store

EXIT_DONE, EXIT_FAILED, EXIT_REJECTED = 0, 1, 2


def clock(ms: int) -> str:
    """12:03.4 or 1:02:03.4"""
    seconds, rest = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{seconds:02}.{rest // 100}"


def recordings_json(ids: Sequence[str]) -> dict[str, Any]:
    with reading() as session:
        found = session.scalars(select(Recording).where(Recording.id.in_(ids))).all()
        by_id = {recording.id: _recording_json(recording) for recording in found}
    return {"recordings": [by_id[recording_id] for recording_id in ids if recording_id in by_id]}


def refused_json(name: str, reason: str) -> dict[str, Any]:
    """In the form of a recording, for a file that never became one."""
    return {
        "id": None,
        "name": name,
        "sha256": None,
        "state": str(RecordingState.REJECTED),
        "reason": reason,
        "duration_ms": None,
        "clips": [],
    }


def _recording_json(recording: Recording) -> dict[str, Any]:
    return {
        "id": recording.id,
        "name": recording.name,
        "sha256": recording.sha256,
        "state": str(recording.state),
        "reason": recording.reason,
        "duration_ms": recording.duration_ms,
        "clips": [
            clip_json(clip)
            for clip in recording.clips
            if clip.kind == ClipKind.CLIP and not _withdrawn(clip)
        ],
    }


def _withdrawn(clip: Clip) -> bool:
    return clip.listing is not None and clip.listing.state == ListingState.WITHDRAWN


def clip_json(clip: Clip) -> dict[str, Any]:
    said = clip.transcript
    return {
        "id": clip.id,
        "title": clip.title,
        "start_ms": clip.start_ms,
        "end_ms": clip.end_ms,
        "score": clip.score,
        "reasons": clip.reasons,
        "tags": clip.tags,
        "transcript": said.text if said else "",
        "speech": {"engine": said.engine, "quality": said.quality} if said else None,
        "essence_sha256": clip.essence_sha256,
        "files": {
            str(asset.kind): located(asset) for asset in clip.assets if asset.license_id is None
        },
        "url": f"{settings().base_url}/clips/{clip.id}",
    }


def located(asset: Asset) -> str:
    """A path where the store is a folder, else the object's address."""
    folder: Path | None = getattr(store(), "folder", None)
    if folder is not None:
        return str(folder / asset.key)
    return f"{settings().resolved_storage_url.partition('?')[0].rstrip('/')}/{asset.key}"


def exit_code(states: Sequence[str]) -> int:
    if RecordingState.QUARANTINED in states or RecordingState.WORKING in states:
        return EXIT_FAILED
    return EXIT_REJECTED if RecordingState.REJECTED in states else EXIT_DONE


def print_outcome(console: Console, told: list[dict[str, Any]]) -> None:
    """The clips on sale, then what did not go well."""
    clips = [clip for recording in told for clip in recording["clips"]]
    if clips:
        console.print(clip_table(clips))
    for recording in told:
        if recording["reason"]:
            style = "" if recording["state"] == RecordingState.DONE else "bold"
            line = f"{recording['name']}: {recording['state']}. {recording['reason']}"
            console.print(Text(line, style=style))


def clip_table(clips: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{len(clips)} clips on sale", title_justify="left", expand=False)
    table.add_column("Title", overflow="fold", max_width=48)
    for name in ("Start", "Length", "Score"):
        table.add_column(name, justify="right")
    table.add_column("Main reason")
    for clip in sorted(clips, key=lambda row: -row["score"]):
        length = f"{(clip['end_ms'] - clip['start_ms']) / 1000:.1f} s"
        reason = max(clip["reasons"], key=clip["reasons"].get, default="")
        score = f"{clip['score']:.2f}"
        table.add_row(Text(clip["title"]), clock(clip["start_ms"]), length, score, reason)
    return table


def status_json() -> dict[str, Any]:
    with reading() as session:
        recordings = session.scalars(
            select(Recording).order_by(Recording.created_ms.desc()).limit(200)
        ).all()
        rows = [
            {
                **{
                    key: value
                    for key, value in _recording_json(recording).items()
                    if key != "clips"
                },
                "clips": sum(clip.kind == ClipKind.CLIP for clip in recording.clips),
                "created_ms": recording.created_ms,
            }
            for recording in recordings
        ]
        open_jobs = session.scalars(
            select(Job)
            .where(Job.state.not_in(("done", "dropped")))
            .order_by(Job.priority)
            .limit(500)
        ).all()
        jobs = [_job_json(job) for job in open_jobs]
    return {"recordings": rows, "jobs": jobs}


def _job_json(job: Job) -> dict[str, Any]:
    names = ("id", "step", "subject", "spec", "recording_id", "state", "attempt", "interruptions")
    more = ("progress", "waiting", "error", "created_ms", "started_ms", "worker")
    return {name: getattr(job, name) for name in (*names, *more)}


def print_status(console: Console, now_ms: int) -> None:
    told = status_json()
    if not told["recordings"]:
        console.print("Nothing here yet. Drop a recording into the inbox, or run `reelyard demo`.")
        return
    table = Table(title="Recordings", title_justify="left")
    table.add_column("Id", no_wrap=True)
    for name in ("Name", "State", "Clips", "Age", "Reason"):
        table.add_column(name, overflow="fold")
    for row in told["recordings"]:
        age = _age(now_ms - row["created_ms"])
        table.add_row(
            row["id"], Text(row["name"]), row["state"], str(row["clips"]), age, Text(row["reason"])
        )
    console.print(table)
    if told["jobs"]:
        jobs = Table(title="Jobs not done", title_justify="left")
        for name in ("Step", "State", "Done", "Age", "Failed", "Says"):
            jobs.add_column(name, overflow="fold")
        for job in told["jobs"]:
            step = f"{job['step']} {job['spec']}".strip()
            done = f"{job['progress']:.0%}"
            says = Text(job["waiting"] or job["error"])
            jobs.add_row(
                step,
                job["state"],
                done,
                _age(now_ms - job["created_ms"]),
                str(job["attempt"]),
                says,
            )
        console.print(jobs)


def _age(ms: int) -> str:
    seconds = max(0, ms // 1000)
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
