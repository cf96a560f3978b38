"""How something is said: excited is louder than usual, and higher or faster with it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.curves import FINE, STEP_MS
from pipeline.delivery import LOUD_ALONE, Delivery, delivery, speech_spans
from pipeline.sounds import SOUNDS, Heard
from pipeline.timeline import Span
from tests.heard import PER_S, TALK_DB, Tape

SPEECH, REACTION = SOUNDS.index("speech"), SOUNDS.index("reaction")


def delivered(tape: Tape, heard: Heard | None = None) -> Delivery:
    told = tape.likelihoods
    return delivery(heard or tape.heard(), told[:, SPEECH], told[:, REACTION])


def excitement(tape: Tape, start_s: int = 42, end_s: int = 48) -> float:
    return float(delivered(tape).excited[start_s * PER_S : end_s * PER_S].mean())


def with_line(level_db: float = TALK_DB, pitch_hz: float = 120, syllable_ms: int = 250) -> Tape:
    """Plain talk, and from 41 to 49 s a line that is said in some other way."""
    line = Tape().talk(2, 40).talk(41, 49, level_db, pitch_hz, syllable_ms)
    return line.talk(50, 100)


def test_plain_talk_is_not_excited() -> None:
    assert delivered(with_line()).excited.max() < 0.05


@pytest.mark.parametrize(
    ("level_db", "pitch_hz", "syllable_ms"),
    [(-18, 180, 250), (-18, 120, 150), (-18, 180, 150)],
    ids=["louder and higher", "louder and faster", "all three"],
)
def test_louder_and_another_sign_are_excitement(
    level_db: float, pitch_hz: float, syllable_ms: int
) -> None:
    line = with_line(level_db, pitch_hz, syllable_ms)
    assert excitement(line) > 0.35
    assert excitement(line, 10, 38) < 0.1


@pytest.mark.parametrize(
    ("level_db", "pitch_hz", "syllable_ms"),
    [(-14, 120, 250), (TALK_DB, 180, 250), (TALK_DB, 120, 150)],
    ids=["a nearer microphone", "a higher voice", "a hurry"],
)
def test_one_sign_alone_is_little(level_db: float, pitch_hz: float, syllable_ms: int) -> None:
    assert excitement(with_line(level_db, pitch_hz, syllable_ms)) <= LOUD_ALONE


def test_a_louder_voice_is_more_excited() -> None:
    assert excitement(with_line(-18, 180)) > excitement(with_line(-22, 180)) > 0


def test_two_people_in_turn_are_not_excited_for_having_two_voices() -> None:
    tape = Tape()
    for number in range(16):
        tape.talk(7 * number, 7 * number + 6.5, pitch_hz=(110, 200)[number % 2])
    assert delivered(tape).excited.max() < 0.15


def test_a_cheering_crowd_is_no_excited_speaker() -> None:
    tape = with_line(-18, 180, 150).react(41, 49)
    assert excitement(tape) < 0.05


def test_the_usual_level_is_that_of_plain_talk() -> None:
    tape = with_line(-14).react(102, 118)
    assert delivered(tape).usual_db == TALK_DB


def test_without_talk_it_is_that_of_what_is_heard() -> None:
    assert delivered(Tape().add(0, 100, -30, music=0.9)).usual_db == -30


def test_in_silence_nothing_is_loud() -> None:
    quiet = Tape(20)
    quiet.level_db[:] = -100
    said = delivered(quiet)
    assert said.louder.max() == 0
    assert not said.talking.any()


def test_where_pitch_is_not_known_the_rest_still_counts() -> None:
    tape = with_line(-18, 180, 150)
    unknown = Heard(tape.likelihoods, tape.level_db, tape.voice_db)
    excited = delivered(tape, unknown).excited
    assert excited[42 * PER_S : 48 * PER_S].mean() > 0.35


# Where somebody speaks


def spans_of(tape: Tape) -> tuple[Span, ...]:
    return speech_spans(tape.likelihoods[:, SPEECH], delivered(tape).talking)


def test_where_people_speak_is_told_without_the_pauses() -> None:
    first, second = spans_of(Tape().talk(5, 20).talk(24, 40))
    assert first.start_ms == pytest.approx(5_000, abs=300)
    assert first.end_ms == pytest.approx(20_000, abs=300)
    assert second.start_ms == pytest.approx(24_000, abs=300)
    assert second.end_ms == pytest.approx(40_000, abs=300)


def test_a_loud_machine_is_not_somebody_who_speaks() -> None:
    assert spans_of(Tape().add(10, 30, -10, noise=0.95)) == ()


def test_nobody_speaks_in_nothing() -> None:
    assert speech_spans(np.zeros(0, np.float32), np.zeros(0, np.bool_)) == ()


# For all there may be to hear


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 90), st.integers(0, 1 << 30), st.booleans())
def test_every_value_is_a_share_and_every_curve_as_long_as_what_is_heard(
    steps: int, seed: int, pitched: bool
) -> None:
    any_of = np.random.default_rng(seed)
    told = any_of.random((steps, len(SOUNDS)), np.float32)
    level = any_of.uniform(-100, 0, steps).astype(np.float32)
    voice = any_of.uniform(-100, 0, steps * FINE).astype(np.float32)
    pitch = any_of.choice([0, 90, 400], steps).astype(np.float32) if pitched else level[:0]
    heard = Heard(told, level, voice, pitch, pitch)
    said = delivery(heard, told[:, SPEECH], told[:, REACTION])
    for curve in (said.louder, said.excited):
        assert len(curve) == steps
        assert np.isfinite(curve).all()
        assert ((curve >= 0) & (curve <= 1)).all()
    assert len(said.talking) == steps * FINE
    spans = speech_spans(told[:, SPEECH], said.talking)
    assert all(0 <= a.start_ms < a.end_ms <= steps * STEP_MS for a in spans)
    assert all(a.end_ms < b.start_ms for a, b in pairwise(spans))
