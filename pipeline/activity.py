"""What happens in a recording, as curves: from what is heard, seen and written in its chat."""

from dataclasses import dataclass, field, replace

import numpy as np

from pipeline import reactions
from pipeline.curves import STEP_MS
from pipeline.delivery import delivery
from pipeline.kinds import CROWD
from pipeline.series import Curve, Flags, percentile_around, ramp, smooth
from pipeline.sounds import SOUNDS, Heard

SILENT_DB = -58.0
ONSET_DB, ONSET_WIDTH_DB = 9.0, 9.0
"""A level that rises so far within 50 ms is a blow; a syllable rises less."""


@dataclass(frozen=True)
class Activity:
    """What happens, a value 0..1 for each STEP_MS."""

    kinds: dict[str, Curve]
    reaction: Curve
    speech: Curve
    music: Curve
    noise: Curve
    silence: Curve
    excited: Curve
    loudness: Curve
    impact: Curve
    motion: Curve
    talking: Flags
    """FINE values a step: is somebody heard above the room just then."""
    chat: Curve = field(default_factory=lambda: np.zeros(0, np.float32))
    """Empty without a chat log."""

    @property
    def steps(self) -> int:
        return len(self.reaction)

    @property
    def parts(self) -> dict[str, Curve]:
        """By the names of pipeline.kinds.PARTS; words and ratings are not curves."""
        chat = self.chat if len(self.chat) else np.zeros(self.steps, np.float32)
        return {
            **self.kinds,
            "excited speech": self.excited,
            "loudness": self.loudness,
            "impact": self.impact,
            "motion": self.motion,
            "chat": chat,
        }

    def with_motion(self, motion: Curve) -> "Activity":
        """The same with another motion, a value per second."""
        return replace(self, motion=_by_step(motion, self.steps))


def activity(heard: Heard, motion: Curve, chat: Curve | None = None) -> Activity:
    """`motion` and `chat` have a value per second, or are empty.

    A picture that lasts longer than its sound counts on in silence.
    """
    heard = _as_long_as(heard, len(motion) * 1000 // STEP_MS)
    told = {name: heard.likelihoods[:, column] for column, name in enumerate(SOUNDS)}
    level = heard.level_db
    reaction = smooth(told["reaction"], 5)
    said = delivery(heard, told["speech"], reaction)
    reacting = reactions.curve(told["reaction"], level, said.usual_db)
    # Where the likelihood is drawn from the same sounds, a crowd's noise is no louder line.
    calm = 1 - np.clip(2 * (reaction - 0.3), 0, 1)
    return Activity(
        kinds={name: smooth(told[name], 5) for name in CROWD},
        reaction=reacting,
        speech=smooth(told["speech"], 3),
        music=smooth(told["music"], 9),
        noise=smooth(told["noise"], 9),
        silence=np.asarray(level < SILENT_DB, np.float32),
        excited=said.excited,
        loudness=smooth(said.louder, 5),
        impact=_impacts(heard, said.usual_db, told["speech"]) * calm,
        motion=_by_step(motion, len(level)),
        talking=said.talking,
        chat=_by_step(chat, len(level)) if chat is not None and len(chat) else np.zeros(0),
    )


def _as_long_as(heard: Heard, steps: int) -> Heard:
    missing = steps - len(heard.level_db)
    if missing <= 1000 // STEP_MS:
        return heard
    per = len(heard.voice_db) // len(heard.level_db) if len(heard.level_db) else 0
    fine = missing * (per or 5)
    return Heard(
        np.pad(heard.likelihoods, ((0, missing), (0, 0))),
        np.pad(heard.level_db, (0, missing), constant_values=-100),
        np.pad(heard.voice_db, (0, fine), constant_values=-100),
        *(
            np.pad(known, (0, missing)) if len(known) else known
            for known in (heard.pitch_hz, heard.voiced, heard.onset_db)
        ),
    )


def _by_step(seconds: Curve, count: int) -> Curve:
    """What ends early is 0 from there on."""
    steps = np.repeat(seconds, 1000 // STEP_MS)[:count]
    return np.pad(steps, (0, count - len(steps))).astype(np.float32)


def _impacts(heard: Heard, usual_db: float, speech: Curve) -> Curve:
    """Blows, shots, bursts: sudden, and louder than what is usual in this recording."""
    level = heard.level_db
    if not len(heard.onset_db):
        return np.zeros(len(level), np.float32)
    sudden = np.clip((heard.onset_db - ONSET_DB) / ONSET_WIDTH_DB, 0, 1)
    floor = percentile_around(level, 20_000 // STEP_MS, 50, 4)
    loud = ramp(level - np.maximum(floor, usual_db - 6), 7, 6) * ramp(level, -42, 6)
    return np.asarray(smooth(sudden * loud * (1 - 0.7 * speech), 3), np.float32)
