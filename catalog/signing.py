"""Addresses that open a licensed file for five minutes, for whoever holds them.

What is signed: method, path, grant (the license's id), expiry, key id. Whether the grant still
holds is not in it: that is looked up when the address is used. Keys are Secret rows "urls-1",
"urls-2", ...; the newest signs, and the one before it opens what it signed.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.errors import CatalogError
from models.account import Secret
from models.base import now_ms

LIFE_S = 300
METHODS = {"GET": "GET", "HEAD": "GET"}
"""By method: what it is signed as. Who may fetch a file may ask how long it is."""
NAME = "urls-{}"
ROTATED_MS = 30 * 86_400_000
_KEY = select(Secret.value, now_ms()).where(Secret.name == bindparam("name"))


class LinkRefused(CatalogError):
    status = 403
    title = "This download link does not open any more"


@dataclass(frozen=True)
class Mark:
    """What an address carries."""

    expires: int
    """Seconds since 1970."""
    key: int
    signature: str


def signed(session: Session, path: str, license_id: str) -> str:
    """The path with what opens it. `path` is plain ASCII."""
    now = session.scalar(select(now_ms())) or 0
    number, secret = _newest(session)
    expires = now // 1000 + LIFE_S
    signature = _signature(secret, "GET", path, license_id, expires, number)
    return f"{path}?{urlencode({'expires': expires, 'key': number, 'signature': signature})}"


def check(session: Session, method: str, path: str, license_id: str, mark: Mark) -> None:
    """Raises LinkRefused. The license is the caller's to look up."""
    row = session.execute(_KEY, {"name": NAME.format(mark.key)}).one_or_none()
    allowed = METHODS.get(method)
    if row is None or allowed is None:
        raise LinkRefused(_REFUSED)
    secret, now = row
    wanted = _signature(secret, allowed, path, license_id, mark.expires, mark.key)
    if not hmac.compare_digest(wanted.encode(), mark.signature.encode()):
        raise LinkRefused(_REFUSED)
    if now >= mark.expires * 1000:
        raise LinkRefused(_OVER)


def rotate(session: Session) -> int:
    """From now on a new key signs; the number of it. The one before it still opens. Of two that
    rotate at once, one does."""
    number = max(_numbers(session), default=0) + 1
    if not _made(session, number):
        return max(_numbers(session))
    old = [NAME.format(one) for one in _numbers(session) if one < number - 1]
    session.execute(delete(Secret).where(Secret.name.in_(old)))
    return number


def rotate_when_due(session: Session) -> None:
    """For the timer."""
    numbers = _numbers(session)
    if numbers:
        newest = session.get_one(Secret, NAME.format(max(numbers)))
        if (session.scalar(select(now_ms())) or 0) - newest.created_ms > ROTATED_MS:
            rotate(session)


_REFUSED = "It was changed, or it is of no key in use. Open the license's page for a fresh link."
_OVER = "It was good for five minutes. Open the license's page for a fresh one; it costs nothing."


def _signature(secret: str, method: str, path: str, license_id: str, expires: int, key: int) -> str:
    said = "\n".join([method, path, license_id, str(expires), str(key)])
    return hmac.new(bytes.fromhex(secret), said.encode(), hashlib.sha256).hexdigest()


def _newest(session: Session) -> tuple[int, str]:
    number = max(_numbers(session), default=0)
    if not number:  # the first; whoever is later takes what is there
        _made(session, 1)
        number = max(_numbers(session))
    return number, session.get_one(Secret, NAME.format(number)).value


def _made(session: Session, number: int) -> bool:
    """False where another made it at once."""
    try:
        with session.begin_nested():
            session.add(Secret(name=NAME.format(number), value=secrets.token_hex(32)))
    except IntegrityError:
        return False
    return True


def _numbers(session: Session) -> list[int]:
    names = session.scalars(select(Secret.name).where(Secret.name.startswith("urls-"))).all()
    return [int(name.removeprefix("urls-")) for name in names]
