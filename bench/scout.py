"""What the scout finds in recordings whose highlights are known, beside plain loudness.

python -m bench.scout --score SCORE.PY FOLDER... [--full]: each folder holds truth.json and
recording.mp4 or audio.wav, as compose.py leaves them; SCORE.PY is the scorer that comes with it.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Command, run
from pipeline.audio import RATE, decode_pcm

TENTH = RATE // 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--score", type=Path, required=True, metavar="SCORE.PY")
    parser.add_argument("--full", action="store_true", help="find all cuts too")
    asked = parser.parse_args()
    judge = scorer(asked.score)
    found: dict[str, list[dict[str, Any]]] = {"scout": [], "loudness": []}
    for folder in asked.folders:
        truth = json.loads((folder / "truth.json").read_text())
        recording = next(
            p for p in map(folder.joinpath, ("recording.mp4", "audio.wav")) if p.exists()
        )
        seen, cost = scouted(recording, full=asked.full)
        heard = {"highlights": loud(decode_pcm(recording))}
        print(f"{folder.name:12} {cost}")
        for name, detected in (("scout", seen), ("loudness", heard)):
            result = judge.score(truth, detected)
            found[name].append(result["highlights"])
            print(f"  {name:9} {line(result)}")
    for name, results in found.items():
        means = ", ".join(f"{key} {mean(results, key):.3f}" for key in ("f1", "ap", "map"))
        print(f"mean of {len(results)}: {name:9} {means}")


def scorer(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scouted(recording: Path, *, full: bool) -> tuple[dict[str, Any], str]:
    """As a process of its own, so that its cost is all of it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        words = [sys.executable, "-m", "pipeline", "analyse", str(recording), "--speech", "none"]
        cost = run(Command([*words, "--json", out.name, *(["--full"] if full else [])], {}))
        found: dict[str, Any] = json.loads(Path(out.name).read_text())
    if not full:
        del found["cuts"]
    return found, f"{cost.cpu_s:.1f} CPU s, {cost.wall_s:.1f} s, {cost.rss_mb:.0f} MB"


def loud(samples: NDArray[np.float32]) -> list[dict[str, float]]:
    """The baseline: where the level over 3 s is in the loudest 15 % for at least 2 s."""
    tenths = samples[: len(samples) // TENTH * TENTH].reshape(-1, TENTH)
    level = 20 * np.log10(np.sqrt(np.mean(tenths**2, axis=1)) + 1e-6)
    smooth = np.convolve(level, np.ones(30) / 30, "same")
    on = np.concatenate([[False], smooth > np.percentile(smooth, 85), [False]])
    starts, ends = (
        np.flatnonzero(np.diff(on.astype(int)) == 1),
        np.flatnonzero(np.diff(on.astype(int)) == -1),
    )
    return [
        {"start": a / 10, "end": b / 10, "score": float(smooth[a:b].max())}
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        if b - a >= 20
    ]


def line(result: dict[str, Any]) -> str:
    h = result["highlights"]
    said = f"P {h['precision']:.3f}  R {h['recall']:.3f}  F1 {h['f1']:.3f}  AP {h['ap'] or 0:.3f}"
    said += f"  mAP {h['map']:.3f}  ({h['hits']} of {h['truth']}, {h['detected']} detected)"
    if "cuts" in result:
        c = result["cuts"]
        said += f"  cuts F1 {c['f1']:.3f}, gradual {c['gradual']}, flashes {c['false_on_flash']}"
    return f"{said}  false alarms {h['false_alarms']}"


def mean(results: list[dict[str, Any]], key: str) -> float:
    return float(np.mean([result[key] or 0 for result in results]))


if __name__ == "__main__":
    main()
