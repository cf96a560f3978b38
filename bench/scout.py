"""What is found in recordings whose highlights and cuts are known, beside plain tools.

python -m bench.scout --shared ../shared FOLDER... [--full] [--pairs N] [--keep]
Each FOLDER is, or holds, what `bench.composites` makes. Without `--full` no cuts are looked for
and PySceneDetect does not run. `--keep` appends the table to bench/RESULTS.md.
"""

import argparse
import csv
import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import commands
from bench.composites import known
from bench.measure import Command, Cost, run
from bench.results import as_table, keep

HEAD = (
    "recording",
    "highlights F1 / mAP",
    "loudness F1 / mAP",
    "cuts F1, gradual, flashes",
    "PySceneDetect F1, gradual, flashes",
    "scout CPU, RSS",
    "P1 scout / PySceneDetect",
)


@dataclass
class Judged:
    name: str
    minutes: float
    highlights: dict[str, Any]
    loudness: dict[str, Any]
    cost: Cost
    cuts: dict[str, Any] = field(default_factory=dict)
    peer: dict[str, Any] = field(default_factory=dict)
    ratio: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="find all cuts too")
    parser.add_argument("--pairs", type=int, default=1, help="of scout and PySceneDetect")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    judge = scorer(asked.shared / "bench" / "score.py")
    judged = []
    for folder in known(asked.folders):
        judged.append(measured(folder, judge, full=asked.full, pairs=asked.pairs))
        print(" | ".join(_cells(judged[-1])), flush=True)
    table = as_table(HEAD, [*map(_cells, judged), *_means(judged)])
    table += long_against_short(judged)
    if asked.full:
        table += "\n\n" + real_cuts(asked.shared)
    print(f"\n{table}")
    if asked.keep:
        keep("Highlights and cuts whose truth is known", "python -m bench.scout --full", table)


def scorer(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(folder: Path, judge: Any, *, full: bool, pairs: int) -> Judged:
    truth = json.loads((folder / "truth.json").read_text())
    recording = next(p for p in map(folder.joinpath, ("recording.mp4", "audio.wav")) if p.exists())
    found, cost = analysed(recording)
    heard = loudness(recording)
    row = Judged(
        folder.name,
        truth["duration"] / 60,
        judge.score_highlights(truth, found),
        judge.score_highlights(truth, heard),
        cost,
    )
    if full:
        seen, _ = analysed(recording, "--full")
        row.cuts = judge.score_cuts(truth, seen)
        row.peer, peers = scenedetect(recording, judge, truth)
        ratios = [cost.cpu_s / peers.cpu_s]
        for _ in range(pairs - 1):
            ours, (_, theirs) = analysed(recording)[1], scenedetect(recording, judge, truth)
            ratios.append(ours.cpu_s / theirs.cpu_s)
        row.ratio = sorted(ratios)[len(ratios) // 2]
    return row


def analysed(recording: Path, *more: str) -> tuple[dict[str, Any], Cost]:
    """As a process of its own, so that its cost is all of it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        words = [sys.executable, "-m", "pipeline", "analyse", str(recording), "--speech", "none"]
        cost = run(Command([*words, "--json", out.name, *more], {}))
        found: dict[str, Any] = json.loads(Path(out.name).read_text())
    return found, cost


def loudness(recording: Path) -> dict[str, Any]:
    """In a process of its own: the sound of an hour in this one would count as its children's."""
    words = [sys.executable, "-m", "bench.loudness", str(recording)]
    found: dict[str, Any] = json.loads(
        subprocess.run(words, check=True, capture_output=True).stdout
    )
    return found


def scenedetect(recording: Path, judge: Any, truth: dict[str, Any]) -> tuple[dict[str, Any], Cost]:
    with tempfile.TemporaryDirectory() as name:
        cost = run(commands.scenedetect(recording, Path(name)))
        with next(Path(name).glob("*.csv")).open(newline="") as file:
            rows = list(csv.DictReader(file))
    cuts = [float(row["Start Time (seconds)"]) for row in rows[1:]]
    return judge.score_cuts(truth, {"cuts": cuts}), cost


def long_against_short(judged: list[Judged]) -> str:
    """P8 and P9: what an hour costs a minute, and how much memory, against ten minutes."""
    long = [row for row in judged if row.minutes >= 50]
    short = sorted((row for row in judged if row.minutes < 20), key=lambda row: row.cost.cpu_s)
    if not long or not short:
        return ""
    usual = short[len(short) // 2]
    cpu = (long[0].cost.cpu_s / long[0].minutes) / (usual.cost.cpu_s / usual.minutes)
    memory = long[0].cost.rss_mb / max(row.cost.rss_mb for row in short)
    lengths = f"{long[0].minutes:.0f} min / {usual.minutes:.0f} min"
    return (
        f"\n\nP9 CPU a recorded minute, {lengths}: {cpu:.2f}. "
        f"P8 the scout's memory, the same: {memory:.2f} ({long[0].cost.rss_mb:.0f} MB)."
    )


def real_cuts(shared: Path) -> str:
    """Cuts of real footage that were found by eye, each exact to its frame."""
    truth = json.loads((shared / "footage" / "cuts_truth.json").read_text())
    right = wanted = told = 0
    for name, row in truth.items():
        if not isinstance(row, dict):
            continue
        found = analysed(shared / "footage" / name, "--full")[0]["cuts"]
        gradual = [(a - 0.2, b + 0.2) for a, b in [*row["dissolves"], *row["fades"]]]
        frame_s = 1 / row["fps"] + 0.001
        hits = {c for c in row["cuts"] for f in found if abs(c - f) <= frame_s}
        false = [
            f
            for f in found
            if not any(abs(c - f) <= frame_s for c in row["cuts"])
            and not any(a <= f <= b for a, b in gradual)
            and not (name.endswith(("fades.mp4",)) or f < 0.5 or _noted(name, f))
        ]
        right, wanted, told = right + len(hits), wanted + len(row["cuts"]), told + len(false)
    precision = right / max(1, right + told)
    return (
        f"Real cuts (cuts_truth.json, one frame exact): P {precision:.3f}, R {right / wanted:.3f}"
    )


def _noted(name: str, at_s: float) -> bool:
    """Big Buck Bunny begins with a fade from black, says the list's note."""
    return "big_buck" in name and at_s <= 2.2


def _cells(row: Judged) -> tuple[str, ...]:
    cells = [row.name, _pair(row.highlights), _pair(row.loudness)]
    for cuts in (row.cuts, row.peer):
        cells.append(
            f"{cuts['f1']:.3f}, {cuts['gradual']}, {cuts['false_on_flash']}" if cuts else ""
        )
    cells.append(f"{row.cost.cpu_s:.1f} s, {row.cost.rss_mb:.0f} MB")
    cells.append(f"{row.ratio:.3f}" if row.ratio else "")
    return tuple(cells)


def _pair(scores: dict[str, Any]) -> str:
    return f"{scores['f1']:.3f} / {scores['map']:.3f}"


def _means(judged: list[Judged]) -> list[tuple[str, ...]]:
    """One row a difficulty, by the first word of the name."""
    means = []
    for kind in dict.fromkeys(row.name.split("-")[0] for row in judged):
        rows = [row for row in judged if row.name.split("-")[0] == kind]
        pairs = [
            f"{_mean([getattr(row, who)['f1'] for row in rows]):.3f} / "
            f"{_mean([getattr(row, who)['map'] or 0 for row in rows]):.3f}"
            for who in ("highlights", "loudness")
        ]
        means.append((f"mean of {len(rows)} {kind}", *pairs, "", "", "", ""))
    return means


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
