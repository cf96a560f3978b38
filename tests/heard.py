"""A recording's sound as the model would tell it, set by hand: what is heard, by the second."""

import numpy as np
from numpy.typing import NDArray

from pipeline.activity import Activity, activity
from pipeline.curves import FINE, STEP_MS
from pipeline.sounds import SOUNDS, Heard

PER_S = 1000 // STEP_MS
ROOM_DB = -60.0
TALK_DB, CROWD_DB = -26.0, -18.0
NO_PICTURE = np.zeros(0, np.float32)


class Tape:
    """A quiet room, to which things are added. All of it is known exactly: nothing is decoded."""

    def __init__(self, seconds: int = 120) -> None:
        self.seconds = seconds
        steps = seconds * PER_S
        self.likelihoods = np.full((steps, len(SOUNDS)), 0.02, np.float32)
        self.level_db = np.full(steps, ROOM_DB, np.float32)
        self.voice_db = np.full(steps * FINE, ROOM_DB - 2, np.float32)
        self.pitch_hz = np.zeros(steps, np.float32)
        self.onset_db = np.full(steps, 1.0, np.float32)

    def add(self, start_s: float, end_s: float, level_db: float, **sounds: float) -> "Tape":
        here = slice(int(start_s * PER_S), int(end_s * PER_S))
        for name, likelihood in sounds.items():
            self.likelihoods[here, SOUNDS.index(name)] = likelihood
        self.level_db[here] = np.maximum(self.level_db[here], level_db)
        fine = slice(here.start * FINE, here.stop * FINE)
        self.voice_db[fine] = np.maximum(self.voice_db[fine], level_db - 2)
        return self

    def talk(
        self,
        start_s: float,
        end_s: float,
        level_db: float = TALK_DB,
        pitch_hz: float = 120,
        syllable_ms: int = 250,
    ) -> "Tape":
        """The level dips by 3 dB between two syllables."""
        self.add(start_s, end_s, level_db, speech=0.95)
        self.pitch_hz[int(start_s * PER_S) : int(end_s * PER_S)] = pitch_hz
        self.voice_db[
            int(start_s * PER_S) * FINE : int(end_s * PER_S) * FINE : syllable_ms // 50
        ] -= 3
        return self

    def excited(self, start_s: float, end_s: float) -> "Tape":
        """Louder by 8 dB and higher by a fifth."""
        return self.talk(start_s, end_s, TALK_DB + 8, 180)

    def react(self, start_s: float, end_s: float, kind: str = "cheer") -> "Tape":
        return self.add(start_s, end_s, CROWD_DB, reaction=0.97, **{kind: 0.9})

    def blows(self, start_s: float, end_s: float, every_s: float = 0.5) -> "Tape":
        """Far above the room, each a quarter of a second long."""
        for at in np.arange(start_s, end_s, every_s):
            self.add(at, at + 0.25, -14, noise=0.6)
            self.onset_db[int(at * PER_S)] = 24
        return self

    def heard(self) -> Heard:
        voiced = (self.pitch_hz > 0).astype(np.float32)
        return Heard(
            self.likelihoods, self.level_db, self.voice_db, self.pitch_hz, voiced, self.onset_db
        )

    def now(
        self, motion: NDArray[np.float32] = NO_PICTURE, chat: NDArray[np.float32] | None = None
    ) -> Activity:
        return activity(self.heard(), motion, chat)


def by_second(seconds: int, value: float, *where: tuple[int, int]) -> NDArray[np.float32]:
    """`value` in these stretches, 0 elsewhere."""
    curve = np.zeros(seconds, np.float32)
    for first, last in where:
        curve[first:last] = value
    return curve
