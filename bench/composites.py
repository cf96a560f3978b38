"""Recordings whose highlights and cuts are known, made by the corpus's own composer.

python -m bench.composites --shared ../shared --out FOLDER [--seeds 1 2 3] [--minutes 10]
What is there already is kept; each takes some minutes. FOLDER/DIFFICULTY-SEED-MINUTES holds
recording.mp4 and truth.json.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

DIFFICULTIES = ("easy", "medium", "hard")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--difficulties", nargs="*", choices=DIFFICULTIES, default=DIFFICULTIES)
    parser.add_argument("--minutes", type=int, default=10)
    asked = parser.parse_args()
    for difficulty in asked.difficulties:
        for seed in asked.seeds:
            print(composed(asked.shared, asked.out, difficulty, seed, asked.minutes))


def composed(shared: Path, out: Path, difficulty: str, seed: int, minutes: int) -> Path:
    folder = out / f"{difficulty}-{seed}-{minutes}"
    if not (folder / "recording.mp4").exists():
        words = [sys.executable, str(shared / "bench" / "compose.py"), "--split", "dev"]
        words += ["--root", str(shared / "footage"), "--seed", str(seed)]
        words += ["--difficulty", difficulty, "--minutes", str(minutes)]
        words += ["--preset", "superfast", "--out", f"{folder}.part"]
        subprocess.run(words, check=True, env=_path(), stdout=subprocess.DEVNULL)
        Path(f"{folder}.part").rename(folder)
    return folder


def _path() -> dict[str, str]:
    """The composer looks for ffmpeg and ffprobe on the PATH."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/bin:/bin"}


def known(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders with a truth.json among these and inside of them, in order of name."""
    for folder in folders:
        for truth in sorted([*folder.glob("truth.json"), *folder.glob("*/truth.json")]):
            if any((truth.parent / name).exists() for name in ("recording.mp4", "audio.wav")):
                yield truth.parent


if __name__ == "__main__":
    main()
