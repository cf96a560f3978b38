"""An address in the files of the outbox folder: mails to it go, in others it is taken out."""

import email
import os
import re
from collections.abc import Collection
from email import policy
from email.message import EmailMessage
from pathlib import Path

from catalog.mail import outbox

SAID = "(erased)"
_FOLDED = re.compile(rb"=\r?\n")


def scrub(address: str, spared: Collection[Path] = ()) -> int:
    """How many files were changed or removed. `spared`: the receipt's own. Again is fine."""
    count = 0
    for path in sorted(outbox().glob("*.eml")) if outbox().exists() else ():
        if path not in spared:
            count += _scrubbed(path, address)
    return count


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
    if address in str(read["To"]).lower():
        forget(path)
        return True
    if not _without(read, address):
        return False
    making = path.with_suffix(f".{os.getpid()}")
    making.write_bytes(read.as_bytes(policy=read.policy.clone(linesep="\r\n")))
    making.replace(path)
    return True


def _may_name(raw: bytes, address: str) -> bool:
    """Quickly: most files don't. What is written as base64 is read in any case."""
    lowered = _FOLDED.sub(b"", raw).lower()
    return address.encode() in lowered or b"base64" in lowered or b"=40" in lowered


def _without(read: EmailMessage, address: str) -> bool:
    changed = False
    named = re.compile(re.escape(address), re.IGNORECASE)
    for part in read.walk():
        if part.get_content_maintype() != "text":
            continue
        text = str(part.get_content())
        if named.search(text):
            part.set_content(named.sub(SAID, text), subtype=part.get_content_subtype())
            changed = True
    for name in ("Subject", "Reply-To"):
        if named.search(str(read.get(name, ""))):
            read.replace_header(name, named.sub(SAID, str(read[name])))
            changed = True
    return changed
