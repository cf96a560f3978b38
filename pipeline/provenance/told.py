"""A verdict as plain values, short enough to be passed on, whoever made the file."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.provenance.verify import Verdict, read

LONGEST = 500
MOST = 100


def told(path: Path, anchors_pem: str) -> dict[str, Any]:
    """OSError where the file can't be opened."""
    return as_data(read(path, anchors_pem))


def as_data(verdict: Verdict) -> dict[str, Any]:
    """As JSON can hold it."""
    return {name: _plain(value) for name, value in asdict(verdict).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value[:MOST]]
    return value
