"""One pass over a recording that decodes its sound and a few key frames, and finds its moments."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline import (
    cues,
    curves,
    delivery,
    highlights,
    kinds,
    moments,
    pictures,
    sounds,
)
from pipeline.activity import Activity, activity
from pipeline.audio import LONGEST_S, Mixer, Samples
from pipeline.curves import STEP_MS
from pipeline.frames import Glimpses, first_picture, first_sound, start_s
from pipeline.frames import activity as picture_activity
from pipeline.kinds import AUTO, PROFILES, Facts, Profile
from pipeline.moments import NOTHING, Said
from pipeline.probe import open_media, prepare
from pipeline.series import Curve, runs
from pipeline.sounds import Heard
from pipeline.timeline import Highlight, Moment, Segment, Span

SURE = 0.5
WORTH_A_LOOK = 0.2
"""The weight of motion from which on the best moments are decoded in full."""
LOOK_MS, LOOK_SHARE = 240_000, 0.05
"""How much of a recording is, and how much more by its length."""
UNSEEN = 0.5
"""The most that motion counts where nobody looked: less than makes a clip by itself."""

Progress = Callable[[float], None]
Listener = Callable[[Sequence[Span], Sequence[Span], Profile], tuple[Sequence[Segment], str]]
"""Given where somebody speaks and the moments so far, best first: words of it, their language."""


@dataclass(frozen=True)
class Scouted:
    duration_ms: int
    profile: str
    """A name of kinds.PROFILES, never "auto"."""
    moments: tuple[Moment, ...]
    curve: tuple[dict[str, float], ...]
    """A second each: "score", the parts that have a curve, and what else is heard, 0..1."""
    speech: tuple[Span, ...]
    segments: tuple[Segment, ...]
    """The words that the listener wrote down."""

    def highlights(self, limit: int | None = None) -> tuple[Highlight, ...]:
        """Chosen and rejected; without a limit all that are good enough are chosen."""
        most = len(self.moments) if limit is None else limit
        return highlights.choose(self.moments, PROFILES[self.profile], most)


@dataclass(frozen=True)
class Asked:
    """How a recording is to be looked at."""

    profile: str = AUTO
    language: str = ""
    """Empty: as the speech engine hears it, else English."""
    audio_model: str = ""
    """Path of an ONNX model with AudioSet's classes; empty: our own."""
    chat: tuple[float, ...] = ()
    """A value 0..1 a second (pipeline.chat); empty without a log."""


PLAIN = Asked()


def scout(
    path: Path,
    asked: Asked = PLAIN,
    *,
    listener: Listener | None = None,
    progress: Progress | None = None,
) -> Scouted:
    """Raises Refused for what can't be opened, MediaError for an audio model that is none."""
    heard, glimpses = _read(path, asked.audio_model, progress)
    duration_ms = max(len(heard.level_db) * STEP_MS, glimpses.last_ms, 1)
    seconds = -(-duration_ms // 1000)
    motion = picture_activity(glimpses, seconds)
    now = activity(heard, motion, np.asarray(asked.chat, np.float32))
    name = _profile(asked.profile, now, duration_ms)
    profile = PROFILES[name]
    found = moments.find(now, profile, duration_ms)
    if profile.weights["motion"] >= WORTH_A_LOOK and motion.any():
        now = now.with_motion(_looked(path, motion, _ranked(found, profile), duration_ms))
        found = moments.find(now, profile, duration_ms)
    speech = delivery.speech_spans(now.speech, now.talking)
    segments: Sequence[Segment] = ()
    said = NOTHING
    if listener is not None:
        segments, heard_language = listener(speech, _ranked(found, profile), profile)
        language = asked.language or heard_language or "en"
        said = Said(cues.find(segments, language), cues.chapters(segments, language))
        found = moments.find(now, profile, duration_ms, said)
    return Scouted(
        duration_ms=duration_ms,
        profile=name,
        moments=found,
        curve=_per_second(now, said, profile, seconds),
        speech=speech,
        segments=tuple(segments),
    )


def _profile(asked: str, now: Activity, duration_ms: int) -> str:
    if asked != AUTO:
        return asked
    blows = runs(now.impact > 0.4)
    minutes = duration_ms / 60_000
    return kinds.recognised(
        Facts(
            minutes=minutes,
            reactions=sum(one.strength >= SURE for one in moments.crowd_of(now)),
            heard=_share(now.silence < 0.5),
            spoken=_share(now.speech > 0.5),
            other=_share(np.maximum(now.music, now.noise) > 0.5),
            impacts=len(blows) / max(minutes, 1 / 60),
            pictured=bool(now.motion.any()),
        )
    )


def _share(on: Curve) -> float:
    return float(np.mean(on)) if len(on) else 0.0


def _ranked(found: Sequence[Moment], profile: Profile) -> list[Span]:
    return [one.span for one in highlights.choose(found, profile, len(found))]


def _read(path: Path, audio_model: str, progress: Progress | None) -> tuple[Heard, Glimpses]:
    with open_media(path) as container:
        length_s = (container.duration or 0) / av.time_base
        # A false time stamp must not make hours of silence.
        longest_s = math.ceil(length_s) + 5 if length_s > 0 else LONGEST_S
        glimpses = Glimpses(start_s(container), longest_ms=longest_s * 1000)
        mixer = Mixer(glimpses.zero_s, longest_s=longest_s)
        blocks = _sound(container, glimpses, mixer, progress)
        if audio_model:
            from pipeline import audioset

            return audioset.listen(blocks, Path(audio_model)), glimpses
        return sounds.listen(curves.rows(blocks)), glimpses


def _sound(
    container: Any, glimpses: Glimpses, mixer: Mixer, progress: Progress | None
) -> Iterator[Samples]:
    """Blocks of sound, in passing over all packets; the picture's packets go to `glimpses`."""
    picture = first_picture(container)
    sound = first_sound(container)
    if picture is not None:
        prepare(picture).thread_type = "NONE"
        picture.codec_context.skip_frame = "NONKEY"
    if sound is not None:
        prepare(sound).thread_type = "NONE"
    length_s = max(1.0, (container.duration or 0) / av.time_base)
    for packet in _packets(container, [one for one in (picture, sound) if one is not None]):
        if packet.stream is picture:
            glimpses.add(packet)
            continue
        for frame in _frames(packet):
            for block in mixer.add(frame):
                yield block
                if progress is not None:
                    progress(min(1.0, (float(frame.time or 0) - glimpses.zero_s) / length_s))
    yield from mixer.rest()


def _looked(path: Path, motion: Curve, ranked: Sequence[Span], duration_ms: int) -> Curve:
    """`motion` with what the pictures themselves show around the best moments.

    Packets grow with any change; only pictures tell what moves from a camera that swings. What
    was not looked at can support a moment and not make one.
    """
    shown = np.minimum(motion, UNSEEN)
    budget = LOOK_MS + round(LOOK_SHARE * duration_ms)
    for span in ranked:
        first = max(0, span.start_ms // 1000 - 2)
        last = min(len(motion), -(-span.end_ms // 1000) + 2)
        if budget >= (last - first) * 1000:
            budget -= (last - first) * 1000
            window = Span(first * 1000, min(last * 1000, duration_ms))
            told = pictures.look(path, window).seconds
            shown[first : first + len(told)] = [second["motion"] for second in told]
    return shown


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    # Asked for no stream, the library would give them all.
    packets = container.demux(streams) if streams else iter(())
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return


def _frames(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except (av.error.FFmpegError, ValueError):
        return []


def _per_second(
    now: Activity, said: Said, profile: Profile, seconds: int
) -> tuple[dict[str, float], ...]:
    felt = moments.evidence(now, said)
    drawn = {
        "score": moments.interest(felt, profile),
        **now.parts,
        "cue words": felt["cue words"],
        "question": felt["question"],
        "speech": now.speech,
        "music": now.music,
        "noise": now.noise,
        "silence": now.silence,
    }
    columns = {name: _highest(curve, seconds) for name, curve in drawn.items()}
    return tuple(
        {name: round(float(column[i]), 3) for name, column in columns.items()}
        for i in range(seconds)
    )


def _highest(curve: Curve, seconds: int) -> Curve:
    per = 1000 // STEP_MS
    padded = np.pad(curve[: seconds * per], (0, max(0, seconds * per - len(curve))))
    return np.asarray(padded.reshape(seconds, per).max(1))
