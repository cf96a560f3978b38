"""Turns: what only one transaction may do at a time, and what no row is there to be locked for."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def take_turn(session: Session, name: str) -> None:
    """Until the transaction ends. SQLite's writers have taken turns since they began."""
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        session.execute(select(func.pg_advisory_xact_lock(number)))
