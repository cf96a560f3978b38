"""F3: asked to stop in a long job, everything ends in order, and the work goes on later."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.commands import end, running, until
from tests.servers import free_port


def named(folder: Path) -> list[str]:
    """Processes that have the folder in their command line; a zombie has none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in words:
                found.append(words)
    return found


@pytest.mark.timeout(240)
def test_a_stop_hands_the_running_jobs_back(match: Path, home: Path, tmp_path: Path) -> None:
    settings = {"REELYARD_DATA": str(home), "REELYARD_INBOX_QUIET_S": "0.5"}
    database = create_engine(f"sqlite:///{home / 'reelyard.db'}")
    port = str(free_port())

    def rows(query: str) -> list[tuple[object, ...]]:
        if not (home / "reelyard.db").exists():
            return []
        with database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    with running("up", "--port", port, log=tmp_path / "log", **settings) as child:
        until((home / "inbox").exists, 60, "the inbox is there")
        shutil.copy(match, home / "inbox" / "match.mp4")
        at_work = "SELECT id FROM job WHERE step = 'clip' AND state = 'running' AND progress > 0"
        job_id = until(lambda: rows(at_work), 90, "a clip is being cut")[0][0]
        started = time.monotonic()
        end(child, within_s=30)
        assert time.monotonic() - started < 30
        assert child.returncode == 0
    assert named(home) == []
    after = rows(f"SELECT state, attempt, interruptions FROM job WHERE id = '{job_id}'")
    assert after == [("ready", 0, 0)]
    database.dispose()
