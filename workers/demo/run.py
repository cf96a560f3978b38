"""`reelyard demo`: the main job once, on a drawn game or on the user's own footage."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.settings import settings
from workers import report, sign_in
from workers.demo.recording import make_recording
from workers.process import process

CREATOR = "demo"
NAME = "Harbour Cup final.mp4"
SIDECAR = """\
series: Harbour Cup
releases: [Drawn by Reelyard's demo, so nobody's likeness is in it]
"""


def run(footage: Path | None, out: Console, err: Console) -> int:
    """Answers the exit code."""
    if footage is not None and not footage.is_file():
        err.print(f"reelyard: there is no file {escape(str(footage))}")
        return report.EXIT_REJECTED
    recording = footage or _drawn(err)
    told = process([recording], err, CREATOR if footage is None else "house")
    report.print_outcome(out, told)
    out.print(f"Open the catalogue: make up, then {settings().base_url}/", soft_wrap=True)
    out.print(escape(sign_in.told()), soft_wrap=True)
    return report.exit_code([row["state"] for row in told])


def _drawn(err: Console) -> Path:
    path = settings().data / "demo" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".yml").write_text(SIDECAR, encoding="utf-8")
    if path.exists():
        return path
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        task = bars.add_task("Draw a three-minute match", total=1.0)
        making = path.with_name("making.mp4")
        make_recording(making, lambda done: bars.update(task, completed=done))
        making.replace(path)
    return path
