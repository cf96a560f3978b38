"""Refuse to start what the disk can't finish."""

import shutil

from models.settings import settings
from workers.lease import Waits

MB = 1 << 20


def free_bytes() -> int:
    settings().work_folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings().work_folder).free


def admit(needed: int) -> None:
    """Raises Waits where `needed` bytes more would leave less than the reserve."""
    missing = needed + settings().keep_free_mb * MB - free_bytes()
    if missing > 0:
        raise Waits(f"disk space: {missing // MB + 1} MB more must be free")
