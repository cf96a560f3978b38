"""The table that is printed, and kept in RESULTS.md with its date, machine and command."""

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from pipeline import ffmpeg

RESULTS = Path(__file__).parent / "RESULTS.md"


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def keep(title: str, command: str, table: str) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    version = ".".join(map(str, ffmpeg.version()))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(
            f"\n## {today}: {title}\n\n{machine}, ffmpeg {version}. `{command}`\n\n{table}\n"
        )
