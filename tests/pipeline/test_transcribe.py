"""Words with times, against a spoken sample whose sentences and times are known."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.audio import decode_pcm
from pipeline.errors import Refused
from pipeline.speech import sphinx, vad
from pipeline.timeline import Span, Word
from pipeline.transcribe import ENGINES, Transcript, quality_note, transcribe
from tests.tiny_whisper import build

ASSETS = Path(__file__).parent.parent / "assets"
SAID = json.loads((ASSETS / "speech.json").read_text())
SCRIPT = "welcome back everyone today we see the final goal"
RATE = 16_000


@pytest.fixture(scope="module")
def voice() -> Any:
    return decode_pcm(ASSETS / "speech.ogg")


@pytest.fixture(scope="module")
def told() -> list[float]:
    return []


@pytest.fixture(scope="module")
def heard(voice: Any, told: list[float]) -> Transcript:
    return transcribe(voice, None, engine="pocketsphinx", progress=told.append)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "my-whisper", SCRIPT)


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(right: list[str], heard: list[str]) -> int:
    """Words to change, drop or add."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(right, 1):
        above, row = row, [number]
        for place, other in enumerate(heard, 1):
            row.append(min(row[-1] + 1, above[place] + 1, above[place - 1] + (word != other)))
    return row[-1]


# pocketsphinx


def test_the_words_are_heard(heard: Transcript) -> None:
    right = plain(" ".join(each["text"] for each in SAID))
    assert errors(right, plain(heard.text)) <= len(right) * 0.1


def test_each_sentence_stands_where_it_is_said(heard: Transcript) -> None:
    assert len(heard.segments) == len(SAID)
    for segment, truth in zip(heard.segments, SAID, strict=True):
        assert abs(segment.start_ms - truth["start_ms"]) < 150
        assert abs(segment.end_ms - truth["end_ms"]) < 150
        assert segment.text == " ".join(word.text for word in segment.words)


def test_words_follow_each_other_and_hold_neither_noises_nor_variants(heard: Transcript) -> None:
    words = [word for segment in heard.segments for word in segment.words]
    assert all(one.end_ms <= two.start_ms for one, two in pairwise(words))
    assert all(re.fullmatch(r"[a-z'.-]+", word.text) for word in words)
    assert all(0 <= word.confidence <= 1 for word in words)


def test_the_transcript_says_what_made_it_and_what_it_is_worth(heard: Transcript) -> None:
    assert (heard.engine, heard.model, heard.language) == ("pocketsphinx", "en-us", "en")
    assert re.match(r"\d+\.\d+", heard.version)
    assert quality_note(heard.quality) == "rough: for tags, not for captions"


def test_it_listens_only_where_told_and_adds_the_offset(voice: Any) -> None:
    third = SAID[2]
    spans = [Span(third["start_ms"] - 300, third["end_ms"] + 300)]
    heard = transcribe(voice, spans, engine="pocketsphinx", offset_ms=60_000)
    assert errors(plain(third["text"]), plain(heard.text)) <= 1
    assert abs(heard.segments[0].start_ms - 60_000 - third["start_ms"]) < 150


def test_a_voice_recorded_far_too_quietly_is_heard_too(voice: Any) -> None:
    last = SAID[3]
    span = [Span(last["start_ms"] - 300, last["end_ms"] + 300)]
    heard = transcribe(voice * 0.02, span, engine="pocketsphinx")
    assert errors(plain(last["text"]), plain(heard.text)) <= 2


@pytest.mark.parametrize("engine", ENGINES)
def test_noise_tones_and_silence_hold_no_words(engine: str, tiny: Path) -> None:
    draw = np.random.default_rng(0)
    time = np.arange(4 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277, 330)) * 0.2
    sound = np.concatenate([draw.normal(0, 0.2, 4 * RATE), tones, np.zeros(2 * RATE)])
    assert transcribe(sound.astype(np.float32), None, engine=engine, model=str(tiny)).segments == ()


@pytest.mark.parametrize("length", [0, 1, 511, 1600])
def test_next_to_nothing_holds_no_words(length: int) -> None:
    assert transcribe(np.zeros(length, np.float32), None).segments == ()


def test_spans_outside_the_sound_and_broken_samples_do_no_harm(voice: Any) -> None:
    broken = voice[: 4 * RATE].copy()
    broken[:100], broken[100:200] = np.nan, np.inf
    heard = transcribe(broken, [Span(-500, 4_000), Span(3_900, 99_000), Span(200_000, 300_000)])
    assert errors(plain(SAID[0]["text"]), plain(heard.text)) <= 2


def test_an_english_model_is_not_let_loose_on_another_language(voice: Any) -> None:
    heard = transcribe(voice, None, engine="pocketsphinx", language="de")
    assert (heard.engine, heard.segments) == ("none", ())


def test_progress_rises_to_one(heard: Transcript, told: list[float]) -> None:
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) >= len(SAID)


def test_none_hears_nothing(voice: Any) -> None:
    heard = transcribe(voice, None, engine="none")
    assert (heard.engine, heard.quality, heard.segments) == ("none", "none", ())


def test_a_word_that_neither_engine_nor_ear_believes_is_dropped() -> None:
    silence, voice = np.zeros(100, np.float32), np.ones(100, np.float32)
    guess, sure = Word(320, 640, "and", 0.02), Word(320, 640, "and", 0.5)
    assert not sphinx._believable(guess, silence)
    assert sphinx._believable(guess, voice)
    assert sphinx._believable(sure, silence)


# where somebody speaks


def test_speech_is_found_where_it_is_and_nowhere_else(voice: Any) -> None:
    spans = vad.speech(vad.probabilities(voice), Span(0, len(voice) * 1000 // RATE))
    assert len(spans) == len(SAID)
    for span, truth in zip(spans, SAID, strict=True):
        assert abs(span.start_ms - truth["start_ms"]) < 250
        assert abs(span.end_ms - truth["end_ms"]) < 250


def test_a_long_recording_is_judged_piece_by_piece_as_if_it_were_one(
    voice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = vad.probabilities(voice)
    monkeypatch.setattr(vad, "_PIECE", 100 * vad.FRAME)
    pieces = vad.probabilities(voice)
    assert len(pieces) == len(whole)
    assert np.mean((pieces > 0.5) != (whole > 0.5)) < 0.02


def test_a_long_speech_is_cut_where_it_is_quietest() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 50 * RATE).astype(np.float32)
    for quiet_ms in (15_000, 31_000):
        sound[quiet_ms * 16 : (quiet_ms + 200) * 16] = 0
    spans = vad.cut_long(sound, [Span(0, 50_000)], 20_000)
    assert [span.start_ms for span in spans[1:]] == [one.end_ms for one in spans[:-1]]
    assert (spans[0].start_ms, spans[-1].end_ms) == (0, 50_000)
    assert all(span.length_ms <= 20_000 for span in spans)
    assert 15_000 <= spans[0].end_ms <= 15_200
    assert 31_000 <= spans[1].end_ms <= 31_200


# whisper


def test_a_folder_makes_whisper_speak(voice: Any, tiny: Path) -> None:
    heard = transcribe(voice, None, model=str(tiny), offset_ms=5_000)
    assert (heard.engine, heard.model, heard.language) == ("whisper", "my-whisper", "en")
    assert heard.text == SCRIPT
    end_ms = 5_000 + len(voice) * 1000 // RATE
    words = [word for segment in heard.segments for word in segment.words]
    assert [word.text for word in words] == SCRIPT.split()
    assert all(5_000 <= word.start_ms < word.end_ms <= end_ms for word in words)
    assert all(one.end_ms <= two.start_ms for one, two in pairwise(words))


def test_whisper_listens_only_where_told(voice: Any, tiny: Path) -> None:
    first, last = (Span(SAID[at]["start_ms"] - 200, SAID[at]["end_ms"] + 200) for at in (0, 3))
    told: list[float] = []
    heard = transcribe(voice, [last, first], model=str(tiny), progress=told.append)
    assert heard.text == f"{SCRIPT} {SCRIPT}"
    for segment in heard.segments:
        here = Span(segment.start_ms, segment.end_ms)
        assert first.overlap_ms(here) + last.overlap_ms(here) == here.length_ms
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_whisper_named_without_a_model_is_refused(voice: Any, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"model\.bin"):
        transcribe(voice, None, engine="whisper", model=str(tmp_path))


def test_a_broken_model_is_refused_by_name(voice: Any, tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "half"
    broken.mkdir()
    for file in tiny.iterdir():
        (broken / file.name).write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(Refused, match="half"):
        transcribe(voice, None, engine="whisper", model=str(broken))
