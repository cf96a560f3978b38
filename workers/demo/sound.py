"""The recording's sound: everything of the story put on one stereo time line."""

import functools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg
from workers.demo import crowd_sound, noises, rally
from workers.demo.crowd_sound import RATE, Sound, level
from workers.demo.story import DURATION_MS, GOALS, LINES, RALLIES, Distractor, truth

HERE = Path(__file__).parent
LEVELS = {
    "murmur": -58.0,
    "cheer": -18.0,
    "calm": -21.0,
    "excited": -17.0,
    "announcement": -16.0,
    "machine": -13.0,
    "horn": -15.0,
    "jingle": -18.0,
}
"""dBFS, RMS. The machine is louder than any cheer: loudness alone must not make a highlight."""
_ASSET_LEVEL = -18.0
_MURMUR_S = 9.0

Line = NDArray[np.float32]


def mix(seconds: float = DURATION_MS / 1000) -> Line:
    """Shape (n, 2) at RATE, within -1..1."""
    line = np.zeros((int(seconds * RATE), 2), np.float32)
    _murmur(line)
    _game(line)
    for number, goal in enumerate(GOALS):
        if goal.cheer_start_ms < seconds * 1000:
            length = (goal.cheer_end_ms - goal.cheer_start_ms) / 1000
            cheer = crowd_sound.cheer(100 + number, length)
            body = float(np.sqrt(np.mean(cheer[RATE // 2 : int(length * 0.7 * RATE)] ** 2)))
            _add(line, goal.cheer_start_ms, cheer * (10 ** (LEVELS["cheer"] / 20) / body))
    for distractor in truth().distractors:
        if distractor.start_ms < seconds * 1000:
            _add(line, distractor.start_ms, _noise(distractor))
    _speech(line)
    return _limit(line)


def _limit(line: Line) -> Line:
    """Bent softly above 0.7, so that nothing clips."""
    over = np.abs(line) > 0.7
    line[over] = np.sign(line[over]) * (0.7 + 0.28 * np.tanh((np.abs(line[over]) - 0.7) / 0.28))
    return line


def _add(line: Line, at_ms: int, part: Sound) -> None:
    start = at_ms * RATE // 1000
    part = part[: max(0, len(line) - start)]
    line[start : start + len(part)] += part


def _murmur(line: Line) -> None:
    """A loop, a little louder while the crowd sees a goal coming."""
    loop = level(crowd_sound.murmur(7, _MURMUR_S), LEVELS["murmur"])
    blend = RATE
    ramp = np.linspace(0, 1, blend)[:, None]
    body = loop[:-blend].copy()
    body[:blend] = body[:blend] * np.sqrt(ramp) + loop[-blend:] * np.sqrt(1 - ramp)
    knots = [(0, 0.0)]
    for goal in GOALS:
        knots += [
            (goal.start_ms, 0.0),
            (goal.ball_in_ms - 800, 5.0),
            (goal.cheer_end_ms - 1500, 6.0),
            (goal.cheer_end_ms + 3000, 0.0),
        ]
    step = RATE // 100
    for at in range(0, len(line), step):
        gain = np.interp(at * 1000 / RATE, [ms for ms, _ in knots], [db for _, db in knots])
        part = line[at : at + step]
        part += body.take(range(at, at + len(part)), axis=0, mode="wrap") * 10 ** (gain / 20)


def _game(line: Line) -> None:
    for run in RALLIES:
        for number, stroke in enumerate(rally.strokes(run)):
            last = stroke is rally.strokes(run)[-1]
            _add(line, stroke.at_ms, noises.stroke(run.seed + number, 0.13 if last else 0.06))
        _add(line, run.end_ms, 0.1 * noises.net(run.seed))
    thud = noises.bounce(0.035)
    for ms in rally.bounces_ms():
        _add(line, ms, thud)


def _noise(distractor: Distractor) -> Sound:
    seconds = (distractor.end_ms - distractor.start_ms) / 1000
    if distractor.kind == "announcement":
        return level(_hall_speech(seconds), LEVELS["announcement"])
    make = {
        "machine": lambda: noises.machine(4, seconds),
        "horn": lambda: noises.horn(seconds),
        "jingle": lambda: noises.jingle(seconds),
    }
    return level(make[distractor.kind](), LEVELS[distractor.kind])


def _hall_speech(seconds: float) -> Sound:
    """A gong, then the announcer."""
    speech = np.zeros(int(seconds * RATE))
    said = _clip("seats")[: len(speech) - RATE // 2]
    speech[RATE // 2 : RATE // 2 + len(said)] = said
    return noises.over_speakers(speech)


@functools.cache
def _asset() -> tuple[Sound, dict[str, tuple[int, int]]]:
    out = ffmpeg.source(HERE / "commentary.opus").output("pipe:", format="f32le", ac=1, ar=RATE)
    pcm = np.frombuffer(ffmpeg.run(ffmpeg.arguments(out)), np.float32).astype(np.float64)
    index = json.loads((HERE / "commentary.json").read_text())
    return pcm, {part["line"]: (part["start_ms"], part["end_ms"]) for part in index}


def _clip(key: str) -> Sound:
    pcm, index = _asset()
    start, end = index[key]
    return pcm[start * RATE // 1000 : end * RATE // 1000]


def _speech(line: Line) -> None:
    for words in LINES:
        if words.mood != "announcer" and words.at_ms * RATE // 1000 < len(line):
            gain = 10 ** ((LEVELS[words.mood] - _ASSET_LEVEL) / 20)
            part = _clip(words.key) * gain
            _add(line, words.at_ms, np.stack([part, part], axis=1))
