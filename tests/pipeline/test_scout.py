"""The scout on files whose moments are known: what it finds, what it leaves alone, and why."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import RATE, decode_pcm
from pipeline.errors import Refused
from pipeline.kinds import PARTS, PROFILES, Profile
from pipeline.scout import Asked, Scouted, scout
from pipeline.timeline import Highlight, Segment, Span, Word
from tests.media import filmed, shots, wav
from workers.demo import crowd_sound, noises

SPEECH = Path(__file__).parent.parent / "assets" / "speech.ogg"
LENGTH_S = 75
CHEER_S = (40.0, 47.0)
LINE_S = (34.0, 41.5)
"""When the line that leads to the cheer is said."""


def mono(sound: np.ndarray, dbfs: float) -> np.ndarray:
    """The demo's sounds are stereo at 48 kHz."""
    return crowd_sound.level(sound.mean(axis=1)[::3], dbfs)


def story(*, cheer: bool = False, machine: bool = False, jingle: bool = False) -> np.ndarray:
    """A quiet room in which somebody talks, stops, and says a louder line at LINE_S."""
    random = np.random.default_rng(5)
    line = random.standard_normal(LENGTH_S * RATE) * 10 ** (-58 / 20)
    said = decode_pcm(SPEECH)
    said = said / np.sqrt(np.mean(said**2)) * 10 ** (-26 / 20)

    def put(at_s: float, sound: np.ndarray) -> None:
        start = int(at_s * RATE)
        line[start : start + len(sound)] += sound[: len(line) - start]

    put(2, said[: 20 * RATE])
    put(LINE_S[0], 2 * said[: int((LINE_S[1] - LINE_S[0]) * RATE)])
    put(58, said[: 10 * RATE])
    if cheer:
        put(CHEER_S[0], mono(crowd_sound.cheer(3, CHEER_S[1] - CHEER_S[0]), -18))
    if machine:
        put(CHEER_S[0] + 5, mono(noises.machine(4, 9), -13))
    if jingle:
        put(CHEER_S[0] + 5, mono(noises.jingle(9), -15))
    return line


@pytest.fixture(scope="module")
def cheered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav(tmp_path_factory.mktemp("scout") / "cheered.wav", story(cheer=True))


@pytest.fixture(scope="module")
def found(cheered: Path) -> Scouted:
    return scout(cheered)


def chosen(found: Scouted) -> list[Highlight]:
    return [one for one in found.highlights() if one.chosen]


def test_the_cheer_is_the_one_highlight(found: Scouted) -> None:
    (one,) = chosen(found)
    assert CHEER_S[0] <= one.peak_ms / 1000 <= CHEER_S[1]
    assert one.reasons["cheer"] + one.reasons["applause"] > 0.5 * one.score


def test_its_span_reaches_from_the_line_to_the_end_of_the_cheer(found: Scouted) -> None:
    (one,) = chosen(found)
    assert LINE_S[0] - 1 <= one.span.start_ms / 1000 <= CHEER_S[0] + 0.3
    assert one.span.end_ms / 1000 == pytest.approx(CHEER_S[1], abs=2)


def test_every_second_can_be_asked_for_its_parts(found: Scouted) -> None:
    assert found.duration_ms == pytest.approx(LENGTH_S * 1000, abs=300)
    assert len(found.curve) == LENGTH_S
    names = {"score", "speech", "music", "noise", "silence", *PARTS} - {"rating"}
    assert all(set(second) == names for second in found.curve)
    assert all(0 <= value <= 1 for second in found.curve for value in second.values())
    assert max(range(LENGTH_S), key=lambda s: found.curve[s]["score"]) in range(39, 48)


def test_speech_is_where_somebody_speaks(found: Scouted) -> None:
    def spoken_s(start_s: float, end_s: float) -> float:
        return sum(
            max(0, min(s.end_ms, end_s * 1000) - max(s.start_ms, start_s * 1000))
            for s in found.speech
        ) / (1000 * (end_s - start_s))

    assert spoken_s(2, 14.5) > 0.7
    assert spoken_s(24, 33) < 0.05
    assert spoken_s(49, 57) < 0.2


@pytest.mark.parametrize("what", ["machine", "jingle"])
def test_loud_without_a_reaction_is_rejected_with_a_reason(tmp_path: Path, what: str) -> None:
    kinds = {"machine": story(machine=True), "jingle": story(jingle=True)}
    rejected = scout(wav(tmp_path / "loud.wav", kinds[what]))
    assert chosen(rejected) == []
    assert any(45 <= one.peak_ms / 1000 <= 55 and one.why_not for one in rejected.highlights())


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.2])
def test_no_highlight_is_invented_in_silence_or_hiss(tmp_path: Path, level: float) -> None:
    hiss = np.random.default_rng(1).standard_normal(20 * RATE) * level
    assert chosen(scout(wav(tmp_path / "hiss.wav", hiss))) == []


def test_talk_alone_gives_no_highlight(tmp_path: Path) -> None:
    assert chosen(scout(wav(tmp_path / "talk.wav", story()))) == []


def test_a_still_picture_without_sound_gives_none(tmp_path: Path) -> None:
    still = np.repeat(shots([], 1), 250, axis=0)
    quiet = scout(filmed(tmp_path / "still.mp4", still))
    assert quiet.highlights() == ()
    assert quiet.duration_ms == pytest.approx(10_000, abs=100)
    assert len(quiet.curve) == 10


def test_with_a_picture_the_same_moment_is_found(tmp_path: Path, cheered: Path) -> None:
    frames = shots([300, 900], 25 * LENGTH_S)
    film = filmed(tmp_path / "film.mp4", frames, "-c:a", "aac", "-g", "125", sound=cheered)
    (one,) = chosen(scout(film))
    assert CHEER_S[0] <= one.peak_ms / 1000 <= CHEER_S[1]


def test_the_same_file_gives_the_same_answer(cheered: Path, found: Scouted) -> None:
    assert scout(cheered) == found


def test_progress_rises_to_the_end(cheered: Path) -> None:
    told: list[float] = []
    scout(cheered, progress=told.append)
    assert told == sorted(told)
    assert told[-1] > 0.5
    assert all(0 <= part <= 1 for part in told)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a film " * 300)
    with pytest.raises(Refused):
        scout(text)


def test_a_recording_cut_off_in_the_middle_is_scouted_as_far_as_it_goes(
    tmp_path: Path, cheered: Path
) -> None:
    whole = filmed(
        tmp_path / "whole.ts", shots([], 50), "-c:a", "mp2", "-f", "mpegts", sound=cheered
    )
    half = tmp_path / "half.ts"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size * 9 // 10])
    assert len(chosen(scout(half))) == 1


# What is asked, and what is said


class Listener:
    """Writes down the words it is given, and what it was asked."""

    def __init__(self, *segments: Segment) -> None:
        self.segments = segments
        self.asked: list[tuple[Sequence[Span], Sequence[Span], Profile]] = []

    def __call__(
        self, speech: Sequence[Span], ranked: Sequence[Span], profile: Profile
    ) -> tuple[Sequence[Segment], str]:
        self.asked.append((speech, ranked, profile))
        return self.segments, "en"


def line(start_ms: int, text: str) -> Segment:
    words = [
        Word(start_ms + 400 * number, start_ms + 400 * number + 350, word, 1.0)
        for number, word in enumerate(text.split())
    ]
    return Segment(start_ms, words[-1].end_ms, text, tuple(words))


def test_an_audience_is_recognised_and_a_profile_that_is_asked_for_holds(
    cheered: Path, found: Scouted
) -> None:
    assert found.profile == "stage"
    assert scout(cheered, Asked(profile="game")).profile == "game"


def test_the_listener_is_told_where_to_listen(cheered: Path, found: Scouted) -> None:
    listener = Listener()
    assert scout(cheered, listener=listener) == found
    ((speech, ranked, profile),) = listener.asked
    assert speech == found.speech
    assert ranked[0] == chosen(found)[0].span
    assert profile == PROFILES["stage"]


def test_words_that_matter_make_a_moment_of_plain_talk(cheered: Path) -> None:
    words = line(4_000, "no way i can't believe that he did it and then oh my god it moved")
    heard = scout(cheered, Asked(profile="talk"), listener=Listener(words))
    (spoken,) = (one for one in heard.highlights() if "cue words" in one.reasons and one.chosen)
    assert spoken.span.start_ms <= words.start_ms
    assert spoken.span.end_ms < 30_000
    assert heard.segments == (words,)
    assert heard.curve[5]["cue words"] > 0.5
    assert heard.curve[60]["cue words"] == 0


def test_words_are_read_in_the_language_that_is_asked_for(cheered: Path) -> None:
    words = line(4_000, "oh mein gott das gibt's nicht")
    for language, felt in (("de", True), ("en", False)):
        heard = scout(cheered, Asked("talk", language), listener=Listener(words))
        assert (heard.curve[5]["cue words"] > 0) is felt


def test_a_lively_chat_is_one_more_part_of_the_moment(cheered: Path, found: Scouted) -> None:
    chat = tuple(float(40 <= second < 48) for second in range(60))
    (one,) = chosen(scout(cheered, Asked(chat=chat)))
    assert one.reasons["chat"] > 0
    assert one.score > chosen(found)[0].score
