"""Recordings without an audience, of which it is known where something happens."""

import subprocess
import tempfile
import wave
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.timeline import Segment, Span, Word
from tests.media import filmed, wav
from tests.servers import flite_path

RATE = 16_000
Samples = NDArray[np.float32]
TALK_DB = -26.0

SMALL_TALK = (
    "So we drove up to the lake on a Tuesday, and the road was mostly empty.",
    "The house has four rooms and a garden, and we painted the fence last year.",
    "In the morning there is usually some fog over the water, then it clears.",
    "I bought the bread at the corner, and the milk was from the shop next door.",
    "My sister works in an office near the station, and she takes the early train.",
    "The meeting was at ten, and after that we looked at the plans for the roof.",
    "There were some trees along the path, and a bench where people sit at noon.",
    "We keep the boxes in the cellar, and the tools are on the shelf by the door.",
    "The report has twelve pages, and most of them are tables with small numbers.",
    "On Friday the bus was a little late, and it rained for most of the evening.",
    "The museum opens at nine, and the tickets are sold at a desk on the left.",
    "He has two brothers, and one of them lives in a village by the coast.",
)


@dataclass
class Tape:
    """A quiet room to which sounds are added; what was said is written down."""

    seconds: float
    samples: Samples = field(init=False)
    words: list[Word] = field(default_factory=list)
    planted: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        noise = np.random.default_rng(7).standard_normal(int(self.seconds * RATE))
        self.samples = (noise * 10 ** (-62 / 20)).astype(np.float32)

    def put(self, at_s: float, sound: Samples, level_db: float) -> float:
        """Answers when it ends."""
        first = int(at_s * RATE)
        sound = sound[: len(self.samples) - first]
        heard = sound[np.abs(sound) > 0.02 * np.abs(sound).max()]
        gain = 10 ** (level_db / 20) / (np.sqrt(np.mean(heard**2)) + 1e-9)
        self.samples[first : first + len(sound)] += (sound * gain).astype(np.float32)
        return at_s + len(sound) / RATE

    def say(self, at_s: float, text: str, voice: str = "rms", *, excited: bool = False) -> float:
        sound = spoken(text, voice, excited)
        end_s = self.put(at_s, sound, TALK_DB + (8 if excited else 0))
        texts = text.split()
        letters = np.cumsum([0] + [len(word) + 1 for word in texts]) / len(f"{text} ")
        edges = (1000 * (at_s + letters * (end_s - at_s))).astype(int)
        self.words += [
            Word(int(a), int(b), word, 0.9)
            for a, b, word in zip(edges, edges[1:], texts, strict=False)
        ]
        return end_s

    def plant(self, start_s: float, end_s: float) -> None:
        self.planted.append(Span(int(start_s * 1000), int(end_s * 1000)))

    def listener(self, *_: object) -> tuple[list[Segment], str]:
        """The words as a perfect speech engine would have written them, and their language."""
        parts: list[list[Word]] = []
        for word in sorted(self.words, key=lambda one: one.start_ms):
            if not parts or word.start_ms - parts[-1][-1].end_ms > 300:
                parts.append([])
            parts[-1].append(word)
        said = [
            Segment(p[0].start_ms, p[-1].end_ms, " ".join(w.text for w in p), tuple(p))
            for p in parts
        ]
        return said, "en"


@cache
def spoken(text: str, voice: str = "rms", excited: bool = False) -> Samples:
    """Said by flite; excited: a quarter higher and faster."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run([flite_path(), "-voice", voice, "-t", text, "-o", str(path)], check=True)
        with wave.open(str(path)) as file:
            assert file.getframerate() == RATE
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    if excited:
        data = np.interp(np.arange(0, len(data) - 1, 1.25), np.arange(len(data)), data)
    return np.asarray(data, np.float32)


def chatter(tape: Tape, start_s: float, end_s: float, voices: tuple[str, ...] = ("rms",)) -> float:
    """Plain talk about nothing from start_s on, as long as whole lines fit before end_s."""
    at, number = start_s, int(start_s)
    while True:
        line = SMALL_TALK[number % len(SMALL_TALK)]
        voice = voices[number // 2 % len(voices)]
        if at + len(spoken(line, voice)) / RATE > end_s:
            return at
        at = tape.say(at, line, voice) + 0.5
        number += 1


EXCITED = (
    "And then the whole engine caught fire right in front of us and everybody ran!",
    "I jumped out of the car and I shouted at them to get away from there!",
)
STORY = (
    "I will never forget that morning, because it was the first time I was alone on the boat.",
    "The truth is that nobody talks about how quiet it gets out there, and that changed my life.",
)
QUESTION = "What would you say to somebody who wants to start with this today?"
ANSWER = (
    "I would say begin with something small, and do a little of it every single day.",
    "After a month you look back, and you see that you have come a long way.",
)


def podcast() -> Tape:
    """Two people talk; at three places it is worth hearing."""
    tape = Tape(190)
    voices = ("rms", "slt")
    chatter(tape, 2, 42, voices)
    _passage(tape, 44, EXCITED, "rms", excited=True)
    chatter(tape, 58, 95, voices)
    _passage(tape, 97, STORY, "slt")
    chatter(tape, 112, 140, voices)
    start = 141.0
    at = tape.say(start, QUESTION, "rms") + 0.6
    for line in ANSWER:
        at = tape.say(at, line, "slt") + 0.4
    tape.plant(start, at)
    chatter(tape, at + 2, 188, voices)
    return tape


def _passage(
    tape: Tape, at: float, lines: tuple[str, ...], voice: str, *, excited: bool = False
) -> None:
    start = at
    for line in lines:
        at = tape.say(at, line, voice, excited=excited) + 0.35
    tape.plant(start, at)


def small_talk() -> Tape:
    """Nothing worth hearing is said, and nobody raises a voice."""
    tape = Tape(120)
    chatter(tape, 2, 118, ("rms", "slt"))
    return tape


def blast(seed: int, seconds: float = 0.7) -> Samples:
    """A shot or an explosion: noise that begins at once and dies away."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    fall = np.exp(-np.arange(count) / RATE / random.uniform(0.06, 0.2))
    low = np.convolve(random.standard_normal(count), np.ones(6) / 6, "same")
    return np.asarray((low + 0.3 * random.standard_normal(count)) * fall, np.float32)


FIGHTS_S = ((40.0, 50.0), (95.0, 104.0), (150.0, 161.0))
SHOUTS = ("Watch out behind you, go go go!", "We got him, that was so close!", "Run, run, run now!")


def game() -> Tape:
    """Somebody plays and comments: an engine hums, and three times there is a fight."""
    tape = Tape(180)
    hum = np.sin(2 * np.pi * 90 * np.arange(180 * RATE) / RATE)
    hum = hum + 0.5 * np.random.default_rng(3).standard_normal(len(hum))
    tape.put(0, hum.astype(np.float32), -44)
    for start in (4, 22, 60, 76, 112, 130):
        chatter(tape, start, start + 14)
    for number, (start, end) in enumerate(FIGHTS_S):
        random = np.random.default_rng(number)
        for at in np.arange(start, end - 0.5, 0.45):
            tape.put(
                float(at + random.uniform(0, 0.3)), blast(int(at * 10)), random.uniform(-20, -13)
            )
        tape.say(start + 3, SHOUTS[number], excited=True)
        tape.plant(start, end)
    tape.put(72.0, blast(99), -14)  # one shot is no fight
    return tape


ATTACKS_S = ((20, 27), (52, 58), (75, 82))
MATCH_SIZE = (320, 180)


def silent_match(seconds: int = 95, rate: int = 25) -> NDArray[np.uint8]:
    """Players stroll on a green; in ATTACKS_S all of them run. The camera swings slowly at 36 s."""
    random = np.random.default_rng(11)
    width, height = MATCH_SIZE
    grass = random.integers(60, 110, (height, width * 2, 1)) + np.array([[[10, 60, 5]]])
    at = np.column_stack([random.uniform(20, width - 20, 12), random.uniform(20, height - 20, 12)])
    going = random.uniform(0, 2 * np.pi, 12)
    frames = np.empty((seconds * rate, height, width, 3), np.uint8)
    for number in range(len(frames)):
        second = number / rate
        attack = any(a <= second < b for a, b in ATTACKS_S)
        going += random.normal(0, 0.25, 12)
        at += (7.0 if attack else 0.35) * np.column_stack([np.cos(going), np.sin(going)])
        at[:, 0] %= width
        at[:, 1] %= height
        shift = int(np.clip((second - 36) * 12, 0, 60))
        frame = grass[:, shift : shift + width].astype(np.uint8).copy()
        for player, (x, y) in enumerate(at.astype(int)):
            colour = (240, 240, 240) if player % 2 else (30, 30, 220)
            frame[max(0, y - 7) : y + 7, max(0, x - 4) : x + 4] = colour
        frames[number] = frame
    return frames


def match_file(path: Path) -> Path:
    return filmed(path, silent_match())


def sound_file(path: Path, tape: Tape) -> Path:
    return wav(path, tape.samples)
