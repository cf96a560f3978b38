"""Timer `letters`: what came back is heard first, then the letters of the day are written."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from catalog.entitlements import now_of
from catalog.letters import bounces, digest, onboarding, subscribers
from models.base import reading, unit_of_work
from models.settings import settings
from workers.log import log

QUIET_S = 2.0
"""A file that was written to just now may not be whole."""
MOST = 500
"""Files in one round."""
ROUND_S = 10.0
"""Other timers wait meanwhile; what is left is due in the next round."""
NOT_READ = "not-read"


def letters() -> None:
    """What keeps from hearing keeps nobody from writing."""
    try:
        hear()
    except Exception:
        log().exception("bounces not heard")
    with reading() as session:
        at_ms = now_of(session)
    write(at_ms)
    with unit_of_work() as session:
        subscribers.sweep(session)


def write(at_ms: int) -> int:
    """What can't be written for one person keeps nobody else from theirs, nor does what one writer
    has to do: each has its share of the round, and the next has what it leaves.
    """
    written, begun = 0, time.monotonic()
    writers = ((onboarding.due, onboarding.step), (digest.due, digest.write))
    for number, (due, writer) in enumerate(writers, 1):
        until = begun + ROUND_S * number / len(writers)
        for key in due(at_ms):
            if time.monotonic() > until:
                break
            try:
                with unit_of_work() as session:
                    written += bool(writer(session, key, at_ms))
            except Exception:
                log().exception("letter failed", by=writer.__module__)
    if written:
        log().info("letters written", count=written)
    return written


def hear() -> int:
    """Each file in the folder is one mail that came back. Those from which nothing follows are put
    aside for a person to look at; the others hold an address, and are deleted.
    """
    heard = 0
    for path in list(_files(folder())):
        try:
            heard += _heard(path)
        except Exception:  # it stays for the next round, and the others are heard
            log().exception("bounce not heard", file=path.name)
    if heard:
        log().info("bounces heard", count=heard)
    return heard


def _heard(path: Path) -> bool:
    raw = _read(path)
    kind = ""
    if raw is not None:
        with unit_of_work() as session:
            kind = bounces.heard(session, raw)
    if kind:
        path.unlink(missing_ok=True)
    else:
        aside = folder() / NOT_READ
        aside.mkdir(mode=0o700, exist_ok=True)
        path.replace(aside / path.name)
    return bool(kind)


def folder() -> Path:
    return settings().data / "bounces"


def _files(inside: Path) -> Iterator[Path]:
    if not inside.is_dir():
        return
    young = time.time() - QUIET_S
    with os.scandir(inside) as found:
        for number, entry in enumerate(found):
            if number >= MOST:
                return
            is_file = entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            if is_file and entry.stat(follow_symlinks=False).st_mtime <= young:
                yield Path(entry.path)


def _read(path: Path) -> bytes | None:
    """None for what is too large, or was swapped for something else meanwhile."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        raw = file.read(bounces.MOST_BYTES + 1)
    return raw if len(raw) <= bounces.MOST_BYTES else None
