"""Speak the story's lines with flite into commentary.opus and commentary.json beside this file.

Run it after the lines changed, where flite is installed:
python -m workers.demo.make_commentary
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ffmpeg as graphs
import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg
from workers.demo.story import LINES, Line

HERE = Path(__file__).parent
RATE = 16_000
"""What flite speaks at."""
GAP_MS = 240
VOICES = {"calm": "rms", "excited": "rms", "announcer": "slt"}


def speak(line: Line, folder: Path) -> NDArray[np.float32]:
    """Mono at RATE, without the silence around it, at a speech level of -20 dBFS."""
    spoken = folder / f"{line.key}.wav"
    subprocess.run(
        ["flite", "-voice", VOICES[line.mood], "-t", line.text, "-o", str(spoken)], check=True
    )
    sound = ffmpeg.source(spoken).audio
    if line.mood == "excited":
        # Higher and faster, as a voice goes when the ball is in; more would cost words.
        sound = sound.filter("rubberband", pitch=1.14, tempo=1.08, formant="preserved")
    sound = sound.filter("highpass", f=90)
    out = sound.output("pipe:", format="f32le", ac=1, ar=RATE)
    return _level(_trim(np.frombuffer(ffmpeg.run(ffmpeg.arguments(out)), np.float32)))


def _trim(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.abs(sound) > 0.012)
    edge = RATE // 25
    return sound[max(0, loud[0] - edge) : loud[-1] + edge]


def _level(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    voiced = sound[np.abs(sound) > 0.01]
    gain = 10 ** (-18 / 20) / float(np.sqrt(np.mean(voiced**2)))
    return np.asarray(np.tanh(sound * gain), np.float32)


def main() -> None:
    if shutil.which("flite") is None:
        sys.exit("flite is not installed: apt-get install flite")
    parts, index, at = [], [], 0
    gap = np.zeros(RATE * GAP_MS // 1000, np.float32)
    with tempfile.TemporaryDirectory() as name:
        for line in LINES:
            sound = speak(line, Path(name))
            start, end = at * 1000 // RATE, (at + len(sound)) * 1000 // RATE
            index.append({"line": line.key, "text": line.text, "start_ms": start, "end_ms": end})
            parts += [sound, gap]
            at += len(sound) + len(gap)
    speech = graphs.input("pipe:", format="f32le", ar=RATE, ac=1).audio
    options = {"b:a": "24k", "application": "audio", "fflags": "+bitexact", "map_metadata": -1}
    out = speech.output(ffmpeg.url(HERE / "commentary.opus"), acodec="libopus", **options)
    ffmpeg.run(ffmpeg.arguments(out), stdin=np.concatenate(parts).tobytes())
    (HERE / "commentary.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
