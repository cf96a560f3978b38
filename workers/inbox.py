"""The watch folder: inbox/<creator>/FILE is taken when it lies still, then moved aside."""

import contextlib
import functools
import os
import queue
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import or_, select
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from models.base import new_id, reading, unit_of_work
from models.creator import DEFAULT_SLUG
from models.drop import Drop, Outcome
from models.recording import Recording, RecordingState
from models.settings import settings
from models.storage import StoreDown
from workers import sidecar
from workers.intake import NotQuiet, mark_of, take
from workers.lease import Waits, stopping
from workers.log import log
from workers.names import clean

DONE, REJECTED = "done", "rejected"
UNFINISHED = ("*.part", "*.crdownload", "*.tmp", "*.partial", "*.download", ".*", "*~")
TAKERS = 2
TICK_S = 0.5
SHOW_AGAIN_S = 10.0
DEEPEST = 8


@dataclass
class Seen:
    """A file as it was found, and since when it has lain still."""

    mark: tuple[int, int, int]
    still_since: float
    busy: bool = False
    not_before: float = 0.0


@dataclass
class Inbox:
    folder: Path
    seen: dict[Path, Seen] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: "queue.Queue[Path]" = field(default_factory=queue.Queue)

    def watch(self, stop: threading.Event) -> None:
        """Until `stop`. Events tell at once; a full scan tells what events lost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        observer = self._observer()
        takers = [
            threading.Thread(target=self._take_on, args=(stop,), daemon=True) for _ in range(TAKERS)
        ]
        for taker in takers:
            taker.start()
        try:
            self._tick(stop)
        finally:
            if observer is not None:
                observer.stop()
                observer.join(timeout=5)

    def _observer(self) -> Any:
        """None where the machine gives no more watches: then the full scans find everything."""
        observer: Any = PollingObserver() if settings().inbox_polling else Observer()
        try:
            observer.schedule(_Tell(self), str(self.folder), recursive=True)
            observer.start()
        except OSError as error:
            log().warning("no events, only full scans", error=error.strerror)
            return None
        return observer

    def _tick(self, stop: threading.Event) -> None:
        scanned, show_at = float("-inf"), 0.0
        while not stop.is_set() and not stopping.is_set():
            try:
                if time.monotonic() >= show_at:  # before the scan: what was taken is no news
                    failed = show_outcomes(self.folder)
                    show_at = time.monotonic() + (SHOW_AGAIN_S if failed else 0)
                if time.monotonic() - scanned >= settings().inbox_rescan_s:
                    self.scan()
                    scanned = time.monotonic()
                self.queue_still()
            except Exception as error:
                log().warning("inbox waits", error=f"{type(error).__name__}: {error}"[:200])
            stop.wait(TICK_S)

    def scan(self) -> None:
        for path in files_in(self.folder):
            self.look(path)

    def look(self, path: Path) -> None:
        """Note the file, or that it changed since."""
        if not self.wanted(path):
            return
        try:
            found = path.stat(follow_symlinks=False)
        except OSError:
            with self.lock:
                self.seen.pop(path, None)
            return
        mark = (found.st_ino, found.st_size, found.st_mtime_ns)
        with self.lock:
            known = self.seen.get(path)
            if known is None:
                age = max(0.0, time.time() - found.st_mtime)
                self.seen[path] = Seen(mark, time.monotonic() - min(age, settings().inbox_quiet_s))
            elif known.mark != mark:
                known.mark, known.still_since = mark, time.monotonic()

    def wanted(self, path: Path) -> bool:
        """Not a partial download, not a sidecar, not what lies in done/ or rejected/."""
        parts = path.relative_to(self.folder).parts
        if any(part in (DONE, REJECTED) for part in parts[:-1][:2]):
            return False
        patterns = (*UNFINISHED, *settings().inbox_ignore)
        if any(fnmatch(part.lower(), pattern.lower()) for part in parts for pattern in patterns):
            return False
        return not sidecar.is_beside(path) and not path.name.endswith(".reason.txt")

    def queue_still(self) -> None:
        """Hand on what has lain still for long enough."""
        now = time.monotonic()
        with self.lock:
            paths = [
                path for path, seen in self.seen.items() if not seen.busy and seen.not_before <= now
            ]
        for path in paths:
            self.look(path)
            with self.lock:
                seen = self.seen.get(path)
                if seen and not seen.busy and now - seen.still_since >= settings().inbox_quiet_s:
                    seen.busy = True
                    self.waiting.put(path)

    def _take_on(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                self.take(self.waiting.get(timeout=0.5))

    def take(self, path: Path) -> None:
        """Take it now, or look again later; never raises."""
        later = 2.0
        try:
            if is_open_for_writing(path):
                raise NotQuiet("somebody is still writing it")
            if sidecar_is_new(path):
                raise NotQuiet("what lies beside it is still being written")
            taken = take(
                path, creator_slug(self.folder, path), as_text(path.relative_to(self.folder))
            )
            log().info("taken", file=clean(path.name), outcome=taken.outcome, reason=taken.reason)
            move_aside(self.folder, taken.drop_id)
            with self.lock:
                self.seen.pop(path, None)
            return
        except NotQuiet as why:
            log().info("not yet", file=clean(path.name), why=str(why))
        except (Waits, StoreDown) as why:
            log().warning("waits", file=clean(path.name), why=str(why))
            later = 10.0
        except OSError as why:
            log().warning("not moved", file=clean(path.name), why=why.strerror)
            later = 30.0
        except Exception:
            log().exception("not taken", file=clean(path.name))
            later = 30.0
        with self.lock:
            if path in self.seen:
                now = time.monotonic()
                self.seen[path].busy = False
                self.seen[path].still_since, self.seen[path].not_before = now, now + later


class _Tell(FileSystemEventHandler):
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory or event.event_type in ("opened", "closed_no_write"):
            return
        for raw in (event.src_path, event.dest_path):
            if raw:
                with contextlib.suppress(ValueError, OSError):
                    self.inbox.look(Path(os.fsdecode(raw)))


def files_in(folder: Path, depth: int = 0) -> list[Path]:
    """Everything below that is not a folder; links are not followed."""
    found: list[Path] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                found.append(Path(entry.path))
            elif depth < DEEPEST and not (depth < 2 and entry.name in (DONE, REJECTED)):
                found += files_in(Path(entry.path), depth + 1)
    return found


def creator_slug(folder: Path, path: Path) -> str:
    """The first folder below the inbox; loose files belong to the default creator."""
    parts = path.relative_to(folder).parts
    return clean(parts[0])[:200] if len(parts) > 1 else DEFAULT_SLUG


def as_text(place: Path) -> str:
    """A relative path as a row can hold it: a file name may be any bytes."""
    return quote_from_bytes(os.fsencode(place))


def as_path(text: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(text)))


def is_open_for_writing(path: Path) -> bool:
    """True where a process that we may look at holds the file open for writing."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) in _written(int(time.monotonic()))


def sidecar_is_new(recording: Path) -> bool:
    return any(_is_new(path) for path in sidecar.beside(recording))


def _is_new(path: Path) -> bool:
    with contextlib.suppress(OSError):
        age = time.time() - path.stat().st_mtime
        return 0 <= age < settings().inbox_quiet_s or is_open_for_writing(path)
    return False


@functools.lru_cache(maxsize=1)
def _written(second: int) -> frozenset[tuple[int, int]]:
    """Device and inode of all files open for writing; looked up once a second, not once a file."""
    found = set()
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError, StopIteration, ValueError):
            info = (handle.parents[1] / "fdinfo" / handle.name).read_text()
            flags = next(line.split()[1] for line in info.splitlines() if line.startswith("flags"))
            if int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
                entry = handle.stat()
                if stat.S_ISREG(entry.st_mode):
                    found.add((entry.st_dev, entry.st_ino))
    return frozenset(found)


def show_outcomes(folder: Path) -> int:
    """Finish what a stop left undone, and move what was found bad after it was taken.

    Answers how many could not be shown: one folder that can't be written to stops no other.
    """
    settled = Recording.state != RecordingState.WORKING
    with reading() as session:
        ready = session.scalars(
            select(Drop.id)
            .outerjoin(Drop.recording)
            .where(Drop.told.is_(False), or_(Drop.stored_as == "", settled))
            .order_by(Drop.created_ms)
        ).all()
    failed = 0
    for drop_id in ready:
        try:
            move_aside(folder, drop_id)
        except OSError as error:
            failed += 1
            log().warning("not moved", drop=drop_id, why=error.strerror)
    return failed


def move_aside(folder: Path, drop_id: str) -> None:
    """Put the file where its outcome says. Repeatable: what was moved already is left there."""
    with unit_of_work() as session:
        drop = session.get_one(Drop, drop_id, with_for_update=True)
        recording = drop.recording
        state = recording.state if recording else RecordingState.REJECTED
        rejected = drop.outcome == Outcome.REJECTED or state == RecordingState.REJECTED
        place, shelf = as_path(drop.place), REJECTED if rejected else DONE
        lies_at = as_path(drop.stored_as) if drop.stored_as else place
        if shelf not in lies_at.parts[:-1][:2]:
            lies_at = _move(folder, lies_at, _on_shelf(place, shelf), drop.mark)
            drop.stored_as = as_text(lies_at)
        if rejected or drop.outcome == Outcome.SAME:
            reason = drop.reason or (recording.reason if recording else "")
            _write_reason(folder / lies_at, reason)
        drop.told = rejected or state != RecordingState.WORKING


def _on_shelf(place: Path, shelf: str) -> Path:
    """In the creator's own folder; loose files have their shelves in the inbox."""
    first, *rest = place.parts
    return Path(first, shelf, *rest) if rest else Path(shelf, first)


def _move(folder: Path, lies_at: Path, shelved: Path, mark: str) -> Path:
    """Move the file and its sidecar; a taken name gets a number. Answers where it lies now.

    Another file that was laid at its place since is not touched: it will be taken itself.
    """
    source, wanted = folder / lies_at, folder / shelved
    wanted.parent.mkdir(parents=True, exist_ok=True)
    there = mark_of(source)
    if not there or mark not in ("", there):
        moved = (path for path in _until_free(wanted) if mark and mark_of(path) == mark)
        return next(moved, wanted).relative_to(folder)
    *_, target = _until_free(wanted)
    along = sidecar.beside(source)
    source.rename(target)
    for path in along:
        with contextlib.suppress(OSError):
            path.rename(target.with_name(f"{target.name}{_ending(path)}"))
    return target.relative_to(folder)


def _ending(beside: Path) -> str:
    known = (*sidecar.SUFFIXES, *sidecar.CHAT_SUFFIXES)
    return next(ending for ending in known if beside.name.endswith(ending))


def _until_free(wanted: Path) -> Iterator[Path]:
    """ "x.mp4", "x (2).mp4" ... to the first that is free; cut where names may be no longer."""
    target, number = wanted, 1
    while os.path.lexists(target):
        yield target
        number += 1
        stem = os.fsdecode(os.fsencode(wanted.stem)[:200])
        suffix = os.fsdecode(os.fsencode(wanted.suffix)[:40])
        target = wanted.with_name(f"{stem} ({number}){suffix}")
    yield target


def _write_reason(beside: Path, reason: str) -> None:
    """Whole or not at all, and never through a link that somebody laid there."""
    name = os.fsdecode(os.fsencode(beside.name)[:230])
    tmp = beside.with_name(f".{new_id()}.tmp")
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        tmp.write_text(reason + "\n", encoding="utf-8")
        tmp.replace(beside.with_name(f"{name}.reason.txt"))
    finally:
        with contextlib.suppress(OSError):
            tmp.unlink(missing_ok=True)
