"""Take one file: look at it, store its bytes once, make its rows."""

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import new_id, unit_of_work
from models.clip import Asset, AssetKind
from models.creator import creator_of
from models.drop import Drop, Outcome
from models.event import record
from models.recording import Recording, RecordingState
from models.settings import settings
from models.steps import ask
from models.storage import copy_cheaply, sha256_of, store
from pipeline.errors import MediaError, Refused
from pipeline.probe import sniff
from workers import sidecar
from workers.disk import admit
from workers.flow import retry
from workers.lease import Waits
from workers.names import clean, safe_suffix, title_of

RACES = 5
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT)
"""Not the file's fault: it is looked at again."""
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotQuiet(MediaError):
    """The file changed while it was read: it will be looked at again."""


@dataclass(frozen=True, slots=True)
class Taken:
    drop_id: str
    outcome: Outcome
    recording_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class File:
    """What was dropped; the second half is known once its bytes are in the store."""

    name: str
    place: str
    creator: str
    mark: str
    facts: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    suffix: str = ""
    size: int = 0


def mark_of(path: Path) -> str:
    """Tells a file from another one that is laid at its place later; "" where there is none."""
    try:
        return _mark(path.stat(follow_symlinks=False))
    except OSError:
        return ""


def _mark(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def take(path: Path, creator: str, place: str = "") -> Taken:
    """Raises NotQuiet, Waits, StoreDown; a refusal is an answer, its Drop row says why."""
    if place:
        with unit_of_work() as session:
            known = _same_drop(session, place, mark_of(path))
        if known is not None:
            return known
    try:
        before = _checked(path)
        facts = _facts(path)
    except Refused as refusal:
        with unit_of_work() as session:
            file = File(path.name, place, creator, mark=mark_of(path))
            return _dropped(session, file, Outcome.REJECTED, None, str(refusal))
    admit(before.st_size)
    copy, sha256 = _own_copy(path)
    try:
        _still_the_same(path, before)
        suffix = safe_suffix(path.name)
        store().put(copy, f"{sha256[:2]}/{sha256}{suffix}")
        size = copy.stat().st_size
        mark = _mark(before)
        return _remember(File(path.name, place, creator, mark, facts, sha256, suffix, size))
    finally:
        copy.unlink(missing_ok=True)


def _checked(path: Path) -> os.stat_result:
    """A plain, readable file whose first bytes may be a recording. Raises Refused."""
    try:
        handle = os.open(path, OPEN_FLAGS)
    except FileNotFoundError as error:
        raise NotQuiet("the file went away before it was read") from error
    except OSError as error:
        if error.errno in PASSING:
            raise Waits(f"the file can't be read now ({error.strerror})") from error
        raise Refused(_why_unreadable(path, error)) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(
                "This is not a plain file (a folder, pipe or device). Drop the recording itself."
            )
        what = sniff(os.pread(handle, 4096, 0))
        if not what and found.st_blocks * 512 < found.st_size // 8 and found.st_size > 1 << 30:
            what = "The file is mostly holes: it was cut off while it was copied. Copy it again."
    finally:
        os.close(handle)
    if what:
        raise Refused(what)
    return found


def _why_unreadable(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return "This is a link to another place. Drop the recording itself, not a link to it."
    return f"The file can't be read ({error.strerror}). Change its permissions and drop it again."


def _facts(path: Path) -> dict[str, Any]:
    try:
        return sidecar.read_all(path)
    except OSError as error:
        raise NotQuiet(f"what lies beside it can't be read now ({error.strerror})") from error


def _own_copy(path: Path) -> tuple[Path, str]:
    """A second name or copy that a rename of the first can't take away, and its sha256."""
    folder = settings().work_folder / "intake"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{os.getpid()}-{new_id()}"
    try:
        copy_cheaply(path, copy)
        return copy, sha256_of(copy)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise NotQuiet(f"the file went away while it was read ({error.strerror})") from error


def _still_the_same(path: Path, before: os.stat_result) -> None:
    try:
        now = path.stat(follow_symlinks=False)
    except OSError as error:
        raise NotQuiet("the file went away while it was read") from error
    same = (before.st_ino, before.st_size, before.st_mtime_ns)
    if (now.st_ino, now.st_size, now.st_mtime_ns) != same:
        raise NotQuiet("the file changed while it was read")


def _remember(file: File) -> Taken:
    """Others may take the same bytes at this very moment: then look again."""
    for _ in range(RACES):
        try:
            with unit_of_work() as session:
                wanted = select(Recording).where(Recording.sha256 == file.sha256)
                known = session.scalars(wanted).one_or_none()
                return _new(session, file) if known is None else _known(session, file, known)
        except IntegrityError:
            continue
    raise NotQuiet("others are taking the same bytes")


def _same_drop(session: Session, place: str, mark: str) -> Taken | None:
    """It was taken already, here or by another watcher, and could not be moved yet."""
    drop = session.scalars(
        select(Drop)
        .where(Drop.told.is_(False), Drop.place == place, Drop.mark == mark, Drop.mark != "")
        .order_by(Drop.created_ms)
        .limit(1)
    ).one_or_none()
    if drop is None:
        return None
    return Taken(drop.id, Outcome(drop.outcome), drop.recording_id, drop.reason)


def _known(session: Session, file: File, known: Recording) -> Taken:
    if file.place and (same := _same_drop(session, file.place, file.mark)):
        return same
    if known.creator.slug != file.creator:
        reason = (
            "These exact bytes were already registered by another creator. "
            "If they are yours, ask the operator of this catalogue to settle it."
        )
        return _dropped(session, file, Outcome.REJECTED, None, reason)
    if known.state == RecordingState.REJECTED:
        retry(session, known.id)
        return _dropped(session, file, Outcome.TAKEN, known.id, "")
    reason = f'The same recording as "{known.name}", which is here already; no second one was made.'
    return _dropped(session, file, Outcome.SAME, known.id, reason)


def _new(session: Session, file: File) -> Taken:
    recording = Recording(
        creator_id=creator_of(session, file.creator).id,
        sha256=file.sha256,
        name=clean(file.name),
        title=clean(file.facts.get("title") or title_of(file.name)),
        size=file.size,
        sidecar={name: value for name, value in file.facts.items() if name != "chat"},
        chat=file.facts.get("chat", []),
    )
    session.add(recording)
    session.flush()
    original = Asset(
        recording_id=recording.id,
        kind=AssetKind.ORIGINAL,
        sha256=file.sha256,
        suffix=file.suffix,
        size=file.size,
        mime="application/octet-stream",
    )
    session.add(original)
    ask(session, "ingest", recording.id, recording.id)
    record(session, "recording.taken", recording.id, bytes=file.size)
    return _dropped(session, file, Outcome.TAKEN, recording.id, "")


def _dropped(
    session: Session,
    file: File,
    outcome: Outcome,
    recording_id: str | None,
    reason: str,
) -> Taken:
    drop = Drop(
        id=new_id(),
        place=file.place,
        mark=file.mark,
        name=clean(file.name),
        outcome=outcome,
        reason=reason,
        recording_id=recording_id,
        told=not file.place,
    )
    session.add(drop)
    session.flush()
    return Taken(drop.id, outcome, recording_id, reason)
