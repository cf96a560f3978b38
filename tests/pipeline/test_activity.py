"""Curves of what happens, where a part of the recording is missing, and what a blow is."""

import numpy as np
import pytest

from pipeline.activity import Activity, activity
from pipeline.curves import FINE
from pipeline.kinds import PARTS
from pipeline.sounds import SOUNDS, Heard
from tests.heard import NO_PICTURE, PER_S, Tape, by_second

NO_SOUND = Heard(np.zeros((0, len(SOUNDS)), np.float32), *np.zeros((2, 0), np.float32))


def assert_whole(now: Activity, steps: int) -> None:
    """All curves cover all of the recording, 0..1."""
    assert now.steps == steps
    assert set(now.parts) == set(PARTS) - {"cue words", "question", "rating"}
    others = (now.reaction, now.speech, now.music, now.noise, now.silence)
    for curve in (*now.parts.values(), *others):
        assert len(curve) == steps
        assert np.isfinite(curve).all()
        assert ((curve >= 0) & (curve <= 1)).all()
    assert len(now.talking) == steps * FINE


def test_a_recording_with_all_of_it() -> None:
    tape = Tape(60).talk(2, 30).react(31, 38).blows(45, 50)
    now = tape.now(by_second(60, 0.7, (10, 20)), by_second(60, 0.9, (32, 36)))
    assert_whole(now, 240)
    assert now.motion[15 * PER_S] == pytest.approx(0.7)
    assert now.motion[25 * PER_S] == 0
    assert now.chat[33 * PER_S] == pytest.approx(0.9)
    assert now.kinds["cheer"][34 * PER_S] > 0.8 > 0.1 > now.kinds["laughter"][34 * PER_S]


def test_a_picture_that_lasts_longer_counts_on_in_silence() -> None:
    now = Tape(20).talk(0, 20).now(by_second(60, 0.8, (0, 60)))
    assert_whole(now, 240)
    assert now.silence[:76].max() == 0
    assert now.silence[80:].min() == 1
    assert now.motion.min() == pytest.approx(0.8)
    assert now.speech[90:].max() == 0
    assert not now.talking[85 * FINE :].any()


def test_a_part_of_a_second_more_picture_adds_nothing() -> None:
    tape = Tape(20)
    tape.likelihoods, tape.level_db = tape.likelihoods[:-2], tape.level_db[:-2]
    tape.voice_db = tape.voice_db[: -2 * FINE]
    tape.pitch_hz, tape.onset_db = tape.pitch_hz[:-2], tape.onset_db[:-2]
    assert_whole(tape.now(by_second(20, 0.5, (0, 20))), 78)


def test_a_sound_that_lasts_longer_counts_on_without_a_picture() -> None:
    now = Tape(60).now(by_second(20, 0.8, (0, 20)))
    assert_whole(now, 240)
    assert now.motion[20 * PER_S - 1] == pytest.approx(0.8)
    assert now.motion[20 * PER_S :].max() == 0


def test_a_recording_without_sound_is_silent() -> None:
    now = activity(NO_SOUND, by_second(30, 0.6, (0, 30)))
    assert_whole(now, 120)
    assert now.silence.min() == 1
    assert now.motion.min() == pytest.approx(0.6)
    assert max(curve.max() for name, curve in now.parts.items() if name != "motion") == 0


def test_a_recording_without_a_picture_has_no_motion() -> None:
    now = Tape(30).talk(2, 20).now()
    assert_whole(now, 120)
    assert now.motion.max() == 0


def test_a_recording_of_nothing_has_no_steps() -> None:
    assert_whole(activity(NO_SOUND, NO_PICTURE), 0)


def test_what_is_not_known_of_the_sound_is_simply_missing() -> None:
    tape = Tape(60).talk(2, 30).blows(45, 50)
    plain = Heard(tape.likelihoods, tape.level_db, tape.voice_db)
    now = activity(plain, by_second(90, 0.5, (0, 90)))
    assert_whole(now, 360)
    assert now.impact.max() == 0


def test_a_chat_that_ends_early_says_nothing_of_the_rest() -> None:
    now = Tape(60).now(chat=by_second(30, 1.0, (28, 30)))
    assert now.chat[29 * PER_S] == 1
    assert now.chat[30 * PER_S :].max() == 0


def test_a_chat_that_goes_on_after_the_end_adds_no_time() -> None:
    assert_whole(Tape(30).now(chat=by_second(500, 1.0, (0, 500))), 120)


# Blows


def impact_around(tape: Tape, second: int) -> float:
    return float(tape.now().impact[second * PER_S - 2 : second * PER_S + 4].max())


def test_a_blow_is_sudden_and_loud() -> None:
    assert impact_around(Tape().talk(2, 30).blows(60, 60.4), 60) > 0.25


def test_what_becomes_loud_slowly_is_no_blow() -> None:
    assert impact_around(Tape().talk(2, 30).add(60, 70, -14, noise=0.6), 60) == 0


def test_a_sudden_whisper_is_no_blow() -> None:
    tape = Tape().talk(2, 30)
    tape.add(60, 60.25, -45)
    tape.onset_db[60 * PER_S] = 24
    assert impact_around(tape, 60) < 0.02


def test_a_syllable_rises_less_than_a_blow() -> None:
    tape = Tape().talk(2, 110)
    tape.onset_db[:] = 5
    assert tape.now().impact.max() == 0


def test_claps_of_a_crowd_are_no_blows() -> None:
    tape = Tape().talk(2, 30).react(58, 66, "applause").blows(60, 64)
    assert impact_around(tape, 62) < 0.05
