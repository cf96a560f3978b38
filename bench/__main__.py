"""`make bench`: what the work costs against its peers on this machine, as ratios taken in one run.

python -m bench [RECORDING] [--pairs N] [--keep]: without a recording the demo's own is used.
`--keep` appends the table to bench/RESULTS.md. What is found, beside a known truth: bench/scout.py,
which `make bench` runs too where it is given COMPOSITES=FOLDER (made by bench/composites.py).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import commands
from bench.measure import Cost, compared, run
from bench.results import as_table, keep
from pipeline.probe import probe

HEAD = ("figure", "of", "ratio", "first pair")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", nargs="?", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as name:
        folder = Path(name)
        recording = asked.recording or drawn(folder)
        rows = measured(recording.absolute(), folder, asked.pairs)
    table = as_table(HEAD, rows)
    seconds = probe(recording).duration_ms / 1000 if asked.recording else 180
    title = f"{recording.name} ({seconds:.0f} s), {asked.pairs} pairs"
    print(f"{title}\n\n{table}")
    if asked.keep:
        keep(title, "make bench", table)


def drawn(folder: Path) -> Path:
    print("drawing the demo's recording")
    path = folder / "demo.mp4"
    # In a process of its own: what this one ever held would count as its children's memory.
    script = "import sys; from workers.demo.recording import make_recording as make; "
    script += "from pathlib import Path; make(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    return path


Row = tuple[str, str, str, str]


def measured(recording: Path, folder: Path, pairs: int) -> list[Row]:
    about = probe(recording)
    rows: list[Row] = []
    if about.video is not None:
        ours, theirs = compared(
            commands.scout(recording), commands.scenedetect(recording, folder), pairs
        )
        rows.append(row("P1 scout / PySceneDetect detect-adaptive", "CPU", ours, theirs, "cpu_s"))
        ours, theirs = compared(
            commands.renditions(recording, folder),
            commands.bare_renditions(recording, about, folder),
            pairs,
        )
        rows.append(row("P5 rendition pass / bare ffmpeg", "CPU", ours, theirs, "cpu_s"))
    ours, theirs = compared(
        commands.whole_job(recording, folder), commands.bare_renditions(recording, about, folder), 1
    )
    rows.append(row("P6 whole job / bare ffmpeg renditions", "wall", ours, theirs, "wall_s"))
    first = commands.first_clip_s(recording, folder)
    length = about.duration_ms / 1000
    rows.append(
        ("P7 drop to first clip / length", "wall", f"{first / length:.3f}", f"{first:.0f} s")
    )
    peak = run(commands.whole_job(recording, folder)).rss_mb
    rows.append(("P8 largest process of the whole job", "RSS", "", f"{peak:.0f} MB"))
    return rows


def row(name: str, what: str, ours: list[Cost], theirs: list[Cost], figure: str) -> Row:
    """The median of the pairs' ratios, and what stood behind it."""
    pairs = sorted(
        getattr(a, figure) / max(0.001, getattr(b, figure))
        for a, b in zip(ours, theirs, strict=True)
    )
    ratio = pairs[len(pairs) // 2]
    shown = f"{getattr(ours[0], figure):.1f} s / {getattr(theirs[0], figure):.1f} s"
    return name, what, f"{ratio:.3f}", f"{shown}, RSS {max(cost.rss_mb for cost in ours):.0f} MB"


if __name__ == "__main__":
    main()
