"""Passwords, by Argon2id. Whoever has none costs the same work, so that time tells nothing."""

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from catalog.errors import BadRequest

SHORTEST, LONGEST = 10, 200
hasher = PasswordHasher()
"""The library's parameters (RFC 9106, low memory); a hash made with older ones is made anew."""


def fits(kept: str, password: str) -> bool:
    """Whether it is the one of this hash; "" for an account without one, or for no account."""
    try:
        hasher.verify(kept or _nobodys(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def renewed(kept: str, password: str) -> str:
    """A new hash where the old one was made with other parameters; else the old one."""
    return hasher.hash(password) if hasher.check_needs_rehash(kept) else kept


def made(password: str, *, email: str = "") -> str:
    """Its hash. Raises BadRequest for one that is too easy to guess."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(set(password)) < 5 or password.lower() == email:
        raise BadRequest("This password is easy to guess. Take a longer or more varied one.")
    return hasher.hash(password)


@functools.cache
def _nobodys() -> str:
    return hasher.hash("nobody has this one")
