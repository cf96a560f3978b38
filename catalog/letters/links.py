"""Addresses in letters that need no sign-in: each is signed, and is good for one thing.

The word in it is the subscriber's id and a signature over what it is for.
"""

import hashlib
import hmac
import re

from sqlalchemy.orm import Session

from catalog import auth
from catalog.errors import NotFound
from models.account import Secret
from models.consent import Subscriber
from models.settings import settings

CONFIRM, PREFERENCES, END, END_ALL = "confirm", "preferences", "end", "end-purpose"
"""END: this purpose of this creator. END_ALL: this purpose of every creator."""
WORD = re.compile(r"[0-9a-f]{64}")
KEY = "letters"


def confirm(session: Session, of: Subscriber) -> str:
    """For all that was asked for in the same moment. A later asking makes it useless."""
    return _address("confirm", _word(session, CONFIRM, of.id, of.asked_ms))


def preferences(session: Session, subscriber_id: str) -> str:
    return _address("preferences", _word(session, PREFERENCES, subscriber_id))


def unsubscribe(session: Session, subscriber_id: str, *, whole: bool = False) -> str:
    return _address("unsubscribe", _word(session, END_ALL if whole else END, subscriber_id))


def read(session: Session, word: str, *kinds: str) -> tuple[str, str]:
    """Which of the kinds it is, and the subscriber's id. Raises NotFound for what we never made."""
    key = session.get(Secret, KEY)
    if key is not None and WORD.fullmatch(word):
        for kind in kinds:
            if _same(word[32:], _signature(key.value, kind, word[:32])):
                return kind, word[:32]
    raise NotFound("This link is damaged. Open it from the letter once more, or copy all of it.")


def confirms(session: Session, word: str) -> Subscriber | None:
    """Whose confirming link it is. None: it is none, or of an earlier asking."""
    if not WORD.fullmatch(word):
        return None
    key, found = session.get(Secret, KEY), session.get(Subscriber, word[:32])
    if key is None or found is None:
        return None
    fits = _same(word[32:], _signature(key.value, CONFIRM, found.id, found.asked_ms))
    return found if fits else None


def _word(session: Session, kind: str, subscriber_id: str, asked_ms: int = 0) -> str:
    key = auth.secret(session, KEY)
    return subscriber_id + _signature(key, kind, subscriber_id, asked_ms)


def _signature(key: str, kind: str, subscriber_id: str, asked_ms: int = 0) -> str:
    said = f"{kind}\n{subscriber_id}\n{asked_ms}"
    return hmac.new(bytes.fromhex(key), said.encode(), hashlib.sha256).hexdigest()[:32]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _address(what: str, word: str) -> str:
    return f"{settings().base_url}/letters/{what}/{word}"
