"""Addresses of ours that are kept or sent: where to go back to, links that sign in once."""

from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from catalog import accounts
from models.settings import settings

LONGEST = 500


def path_of(address: str) -> str:
    """Path and query alone, so that it can lead nowhere but to us; "/" for what is no path."""
    if len(address) > LONGEST or any(ord(mark) <= 32 or mark == "\\" for mark in address):
        return "/"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = "/" + parts.path.lstrip("/")
    return f"{path}?{parts.query}" if parts.query else path


def back_of(given: str) -> str:
    """What a form or an address says to go back to; "/" where that is not of this site."""
    return path_of(given) if given.startswith("/") and path_of(given) == given else "/"


def magic(session: Session, email: str, back: str = "/") -> str:
    """An address that signs in whoever opens it, once, within 15 minutes."""
    word = accounts.make_link(session, email, back_of(back))
    return f"{settings().base_url}/enter/{word}"
