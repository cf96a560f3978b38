"""Take files through everything, in this process, until each is done."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from sqlalchemy import select

from models.base import reading
from models.creator import DEFAULT_SLUG
from models.drop import Outcome
from models.job import Job
from models.recording import Recording, RecordingState
from models.steps import STEPS
from models.storage import StoreDown
from pipeline.profiles import CHUNK_MS
from workers.engine import working
from workers.intake import NotQuiet, take
from workers.lease import Waits
from workers.names import clean
from workers.report import recordings_json, refused_json
from workers.speech import choice_now

POLL_S = 0.2
COST = {"ingest": 1.0, "scout": 10.0, "clip": 12.0, "publish": 0.2, "sound": 6.0, "chunk": 30.0}
"""Seconds of work, about: for the bar. Before the scout has spoken, the rest is guessed."""
GUESSED_CLIPS = 5


@dataclass(frozen=True, slots=True)
class Given:
    name: str
    recording_id: str | None
    refusal: str
    note: str


def process(
    files: Sequence[Path], console: Console, creator: str = DEFAULT_SLUG
) -> list[dict[str, Any]]:
    """One dict a file, as report.recordings_json has it. Known files are waited for, not redone."""
    _fetch_speech_model(console)
    given = [_given(path, creator, console) for path in files]
    ids = list(dict.fromkeys(one.recording_id for one in given if one.recording_id))
    with working():
        _wait(ids, console)
    by_id = {row["id"]: row for row in recordings_json(ids)["recordings"]}
    told = []
    for one in given:
        row = (
            dict(by_id[one.recording_id])
            if one.recording_id
            else refused_json(one.name, one.refusal)
        )
        if one.note and not row["reason"]:
            row["reason"] = one.note
        told.append(row)
    return told


def _fetch_speech_model(console: Console) -> None:
    """At first use, with a bar; where it is there or can't be had this takes no time."""
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("Fetch the speech model", total=1.0)
        choice_now(lambda done: bars.update(task, completed=done))


def _given(path: Path, creator: str, console: Console) -> Given:
    told = ""
    while True:
        try:
            taken = take(path.absolute(), creator)
        except (NotQuiet, Waits, StoreDown) as why:
            if not path.exists():
                return Given(clean(path.name), None, "There is no such file.", "")
            if str(why) != told:
                told = str(why)
                console.print(Text(f"{clean(path.name)} waits: {told}"))
            time.sleep(1)
            continue
        refusal = taken.reason if taken.outcome == Outcome.REJECTED else ""
        note = taken.reason if taken.outcome == Outcome.SAME else ""
        return Given(clean(path.name), taken.recording_id, refusal, note)


def _wait(ids: Sequence[str], console: Console) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}", style="dim"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {one: bars.add_task("", total=1.0, rate="", doing="") for one in ids}
        started = time.monotonic()
        while True:
            rows = _progress(ids)
            for one, row in rows.items():
                bars.update(
                    tasks[one], completed=row["done"], **_shown(row, time.monotonic() - started)
                )
            if all(row["state"] != RecordingState.WORKING for row in rows.values()):
                return
            time.sleep(POLL_S)


def _shown(row: dict[str, Any], seconds: float) -> dict[str, Any]:
    rate = row["done"] * (row["duration_ms"] or 0) / 1000 / max(1.0, seconds)
    shown = f"{rate:.1f} x real time" if rate else ""
    return {"description": row["name"][:40], "rate": shown, "doing": row["doing"]}


def _progress(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    with reading() as session:
        recordings = session.scalars(select(Recording).where(Recording.id.in_(ids))).all()
        jobs = session.scalars(select(Job).where(Job.recording_id.in_(ids))).all()
    return {
        recording.id: _one(recording, [job for job in jobs if job.recording_id == recording.id])
        for recording in recordings
    }


def _one(recording: Recording, jobs: list[Job]) -> dict[str, Any]:
    total = sum(COST[job.step] for job in jobs)
    done = sum(COST[job.step] * (1.0 if job.finished else job.progress) for job in jobs)
    if not any(job.step == "clip" for job in jobs) and recording.state == RecordingState.WORKING:
        chunks = (recording.duration_ms or 0) / CHUNK_MS
        total += GUESSED_CLIPS * COST["clip"] + chunks * COST["chunk"]
    running = [job for job in jobs if job.state == "running"]
    waiting = next((job.waiting for job in jobs if job.waiting), "")
    doing = (
        f"waits for {waiting}"
        if waiting
        else ", ".join(sorted({STEPS[j.step].what for j in running}))
    )
    over = recording.state != RecordingState.WORKING
    return {
        "name": recording.name,
        "state": recording.state,
        "duration_ms": recording.duration_ms,
        "done": 1.0 if over else min(0.99, done / total if total else 0.0),
        "doing": doing,
    }
