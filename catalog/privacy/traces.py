"""An address in texts and in the files of the outbox folder: mails to it go, in others it is taken
out. It is the whole address that counts: ann@example.org is no part of joann@example.org.
"""

import email
import os
import re
from collections.abc import Collection
from email import policy
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path

from catalog.mail import outbox
from models.settings import settings

SAID = "(erased)"
_BEFORE, _AFTER = r"(?<![\w.%+-])", r"(?![\w-]|\.\w)"
"""No letter of a longer address stands there."""
_FOLDED = re.compile(rb"=\r?\n")


def named(address: str) -> re.Pattern[str]:
    return re.compile(_BEFORE + re.escape(address) + _AFTER, re.IGNORECASE)


def scrub(address: str, spared: Collection[Path] = ()) -> int:
    """How many files were changed or removed. `spared`: the receipt's own. Again is fine."""
    count = sum(_dropped(path, address) for path in aside())
    for path in sorted(outbox().iterdir()) if outbox().exists() else ():  # also one half written
        if path not in spared:
            count += _scrubbed(path, address)
    return count


def aside() -> list[Path]:
    """Mails that came back and could not be read; a person may look at them for a while."""
    folder = settings().data / "bounces" / "not-read"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def _scrubbed(path: Path, address: str) -> bool:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return False
    if not _may_name(raw, address):
        return False
    read = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    if address in {to.lower() for _, to in getaddresses([str(read.get("To", ""))])}:
        forget(path)
        return True
    if not _without(read, address):
        return False
    making = path.with_suffix(f".{os.getpid()}")
    making.write_bytes(read.as_bytes(policy=read.policy.clone(linesep="\r\n")))
    making.replace(path)
    return True


def _dropped(path: Path, address: str) -> bool:
    """Nobody can say what is in it: one that may hold the address goes as a whole."""
    raw = path.read_bytes()
    if not named(address).search(_FOLDED.sub(b"", raw).decode("utf-8", "replace")):
        return False
    forget(path)
    return True


def _may_name(raw: bytes, address: str) -> bool:
    """Quickly: most files don't. What is written as base64 is read in any case."""
    lowered = _FOLDED.sub(b"", raw).lower()
    return address.encode() in lowered or b"base64" in lowered or b"=40" in lowered


def _without(read: EmailMessage, address: str) -> bool:
    changed = False
    found = named(address)
    for part in read.walk():
        if part.get_content_maintype() != "text":
            continue
        text = str(part.get_content())
        if found.search(text):
            part.set_content(found.sub(SAID, text), subtype=part.get_content_subtype())
            changed = True
    for name in ("Subject", "Reply-To"):
        if found.search(str(read.get(name, ""))):
            read.replace_header(name, found.sub(SAID, str(read[name])))
            changed = True
    return changed
