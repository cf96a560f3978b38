"""Where a recording's moments are, from what is heard, set by hand (tests/heard.py)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import highlights, moments
from pipeline.activity import activity
from pipeline.cues import Cue
from pipeline.kinds import CROWD, PARTS, PROFILES
from pipeline.moments import NOTHING, Said
from pipeline.sounds import Heard
from pipeline.timeline import Highlight, Moment
from tests.heard import NO_PICTURE, Tape, by_second

STAGE, TALK, GAME, SPORT = (PROFILES[name] for name in ("stage", "talk", "game", "sport"))


def ranked(
    tape: Tape, name: str = "stage", said: Said = NOTHING, motion: np.ndarray = NO_PICTURE
) -> tuple[Highlight, ...]:
    profile = PROFILES[name]
    found = moments.find(tape.now(motion), profile, tape.seconds * 1000, said)
    return highlights.choose(found, profile, 20)


def chosen(found: tuple[Highlight, ...]) -> list[Highlight]:
    return [one for one in found if one.chosen]


def main_reason(one: Highlight) -> str:
    return max(one.reasons, key=lambda name: one.reasons[name])


def phrase(at_s: float, value: float = 0.8) -> Cue:
    return Cue(round(at_s * 1000), round(at_s * 1000) + 1_000, "cue words", value, "no way")


def conversation() -> Tape:
    """Sentences of 5 s with pauses of 0.75 s, and a longer rest after each minute."""
    tape = Tape(180)
    for minute in range(3):
        for number in range(10):
            start = 60 * minute + 5.75 * number
            tape.talk(start, start + 5)
    return tape


# With an audience


def test_nothing_is_made_of_silence() -> None:
    for name in PROFILES:
        assert ranked(Tape(), name) == ()


def test_nothing_is_made_of_nothing() -> None:
    empty = Heard(np.zeros((0, 7), np.float32), *np.zeros((2, 0), np.float32))
    assert moments.find(activity(empty, NO_PICTURE), TALK, 1) == ()


@pytest.mark.parametrize("name", PROFILES)
def test_plain_talk_is_no_highlight(name: str) -> None:
    assert chosen(ranked(conversation(), name)) == []


def test_a_reaction_is_found_with_the_line_that_led_to_it() -> None:
    tape = Tape().talk(2, 30).talk(60, 65).react(64, 71).talk(75, 110)
    (one,) = chosen(ranked(tape))
    assert one.span.start_ms == pytest.approx(60_000, abs=500)
    assert one.span.end_ms == pytest.approx(71_000, abs=800)
    assert 64_000 <= one.peak_ms <= 71_000
    assert main_reason(one) == "cheer"


def test_a_reaction_without_words_starts_with_itself() -> None:
    (one,) = chosen(ranked(Tape().talk(2, 30).react(64, 71)))
    assert one.span.start_ms == pytest.approx(64_000, abs=800)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", CROWD)
def test_the_kind_of_reaction_is_the_main_reason(kind: str, name: str) -> None:
    (one,) = chosen(ranked(Tape().talk(2, 60).react(64, 71, kind), name))
    assert main_reason(one) == kind


def test_a_murmur_far_below_the_talk_is_no_reaction() -> None:
    tape = Tape().talk(2, 60).add(70, 80, -45, reaction=0.95, cheer=0.9)
    assert chosen(ranked(tape)) == []


# Loud is not enough


@pytest.mark.parametrize("name", ["stage", "talk"])
@pytest.mark.parametrize(("sound", "called"), [("noise", "steady noise"), ("music", "music")])
def test_what_is_only_loud_is_rejected_and_named(sound: str, called: str, name: str) -> None:
    found = ranked(Tape().talk(2, 60).add(70, 80, -10, **{sound: 0.95}), name)
    assert chosen(found) == []
    (one,) = (one for one in found if 70_000 <= one.peak_ms <= 80_000)
    assert called in one.why_not


def test_a_line_that_is_only_louder_is_no_highlight() -> None:
    tape = Tape().talk(2, 40).talk(42, 50, level_db=-18).talk(52, 100)
    found = ranked(tape, "talk")
    assert chosen(found) == []
    assert any(42_000 <= one.peak_ms <= 50_000 for one in found)


# Talk


def test_an_excited_line_is_a_moment_of_a_talk() -> None:
    tape = Tape().talk(2, 40).excited(41, 48).talk(49, 100)
    (one,) = chosen(ranked(tape, "talk"))
    assert 41_000 <= one.peak_ms <= 48_000
    assert main_reason(one) == "excited speech"
    assert chosen(ranked(tape, "stage")) == []


def test_cue_words_are_a_moment_of_whole_sentences() -> None:
    tape = conversation()
    (one,) = chosen(ranked(tape, "talk", Said([phrase(88), phrase(90)])))
    assert main_reason(one) == "cue words"
    starts = [60 + 5.75 * number for number in range(10)]
    assert min(abs(one.span.start_ms / 1000 - start) for start in starts) <= 0.3
    assert min(abs(one.span.end_ms / 1000 - (start + 5)) for start in starts) <= 0.3
    assert one.span.start_ms <= 88_000
    assert one.span.end_ms >= 91_000


def test_a_doubtful_phrase_with_nothing_else_is_shown_but_not_chosen() -> None:
    found = ranked(conversation(), "talk", Said([phrase(88, 0.5)]))
    assert chosen(found) == []
    assert any(abs(one.peak_ms - 88_000) < 8_000 for one in found)


def test_a_phrase_in_an_excited_line_is_worth_more_than_either() -> None:
    tape = Tape().talk(2, 40).excited(41, 48).talk(49, 100)
    (alone,) = chosen(ranked(tape, "talk"))
    (both,) = chosen(ranked(tape, "talk", Said([phrase(44)])))
    assert both.score > alone.score
    assert set(both.reasons) >= {"excited speech", "cue words"}


def test_a_question_is_a_moment_with_its_answer() -> None:
    tape = Tape().talk(2, 30).talk(40, 43).talk(43.75, 52).talk(52.75, 58).talk(75, 110)
    asked = Cue(40_000, 43_000, "question", 0.9, "What is it like?")
    found = ranked(tape, "talk", Said([asked], chapters=[40_000, 75_000]))
    (one,) = (one for one in found if "question" in one.reasons)
    assert one.span.start_ms == pytest.approx(40_000, abs=500)
    assert one.span.end_ms >= 52_000
    assert one.span.end_ms <= 58_500


def test_a_moment_does_not_reach_across_a_chapter() -> None:
    tape = conversation()
    cues = [phrase(88), phrase(90)]
    (whole,) = chosen(ranked(tape, "talk", Said(cues)))
    chapter_ms = 88_000 - 3_000  # in the middle of a sentence: "... next question: ..."
    (cut,) = chosen(ranked(tape, "talk", Said(cues, chapters=[chapter_ms])))
    assert whole.span.start_ms < chapter_ms - 1_000
    assert chapter_ms - 500 <= cut.span.start_ms <= 88_000


def test_what_a_phrase_speaks_for_begins_with_its_chapter() -> None:
    now = conversation().now()
    felt = moments.evidence(now, Said([phrase(88)], chapters=[88_000]))["cue words"]
    assert felt[int(87.5 * 4)] == 0
    assert felt[88 * 4] == pytest.approx(0.8)


def test_a_line_without_a_pause_does_not_make_a_moment_of_minutes() -> None:
    tape = Tape(300).talk(2, 298)
    (one,) = chosen(ranked(tape, "talk", Said([phrase(150), phrase(151)])))
    around_ms = (moments.CUE_BEFORE_MS, moments.CUE_AFTER_MS)
    assert 150_000 - around_ms[0] - TALK.before_ms <= one.span.start_ms <= 150_000
    assert 152_000 <= one.span.end_ms <= 152_000 + around_ms[1] + TALK.after_ms
    assert one.span.length_ms <= TALK.most_ms


# Action


def test_a_fight_is_a_moment_of_a_game() -> None:
    tape = Tape(180).add(0, 180, -44, noise=0.5).blows(60, 70)
    (one,) = chosen(ranked(tape, "game"))
    assert 60_000 <= one.peak_ms <= 71_000
    assert one.span.start_ms <= 60_500
    assert one.span.end_ms >= 69_500
    assert one.span.length_ms <= GAME.most_ms
    assert main_reason(one) == "impact"


def test_where_blows_never_stop_one_more_is_nothing() -> None:
    def felt(start_s: int, end_s: int) -> float:
        now = Tape(180).blows(start_s, end_s, every_s=0.75).now()
        return float(moments.evidence(now)["impact"][85 * 4 : 95 * 4].mean())

    assert felt(85, 95) > 0.5
    assert felt(2, 178) < 0.1
    assert chosen(ranked(Tape(180).blows(2, 178, every_s=0.75), "game")) == []


def test_a_single_blow_is_no_fight() -> None:
    assert chosen(ranked(Tape(180).add(0, 180, -44, noise=0.5).blows(60, 60.4), "game")) == []


def test_a_sprint_in_a_silent_match_is_a_moment() -> None:
    motion = np.maximum(by_second(120, 0.1, (0, 120)), by_second(120, 0.95, (50, 58)))
    (one,) = chosen(ranked(Tape(), "sport", motion=motion))
    assert main_reason(one) == "motion"
    assert one.span.start_ms <= 50_500
    assert one.span.end_ms >= 57_500


def test_action_for_minutes_is_a_moment_around_its_best() -> None:
    motion = by_second(300, 0.8, (20, 280))
    motion[200:204] = 1.0
    (one,) = chosen(ranked(Tape(300), "sport", motion=motion))
    assert one.span.length_ms <= SPORT.most_ms
    assert one.span.start_ms <= 200_000
    assert one.span.end_ms >= 204_000


def test_a_stir_in_the_chat_lifts_what_is_heard_there() -> None:
    tape = Tape().talk(2, 40).excited(41, 48).talk(49, 100)
    chat = by_second(120, 1.0, (42, 50))
    stirred = moments.find(tape.now(chat=chat), TALK, 120_000)
    (plain,) = chosen(ranked(tape, "talk"))
    (lifted,) = chosen(highlights.choose(stirred, TALK, 20))
    assert lifted.score > plain.score
    assert lifted.reasons["chat"] > 0


# For all recordings there may be

happenings = st.lists(
    st.tuples(
        st.integers(0, 55),
        st.integers(1, 30),
        st.sampled_from(("talk", "excited", "blows", "noise", "music", *CROWD)),
    ),
    max_size=10,
)
said_things = st.builds(
    lambda cues, chapters: Said(cues, sorted(chapters)),
    st.lists(
        st.builds(
            lambda at, part, value: Cue(at, at + 900, part, value, "said"),
            st.integers(0, 59_000),
            st.sampled_from(("cue words", "question")),
            st.floats(0, 1),
        ),
        max_size=5,
    ),
    st.lists(st.integers(0, 70_000), max_size=4),
)
motions = st.one_of(
    st.just(NO_PICTURE),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=70).map(
        lambda values: np.array(values, np.float32)
    ),
)


def taped(happened: list[tuple[int, int, str]]) -> Tape:
    tape = Tape(60)
    for start, length, what in happened:
        end = min(59, start + length)
        if what in CROWD:
            tape.react(start, end, what)
        elif what in ("noise", "music"):
            tape.add(start, end, -15, **{what: 0.9})
        else:
            getattr(tape, what)(start, end)
    return tape


@settings(max_examples=40, deadline=None)
@given(happenings, said_things, motions, st.sampled_from(sorted(PROFILES)))
def test_moments_lie_inside_and_know_their_evidence(
    happened: list[tuple[int, int, str]], said: Said, motion: np.ndarray, name: str
) -> None:
    profile, now = PROFILES[name], taped(happened).now(motion)
    duration_ms = now.steps * 250
    found = moments.find(now, profile, duration_ms, said)
    assert found == moments.find(now, profile, duration_ms, said)
    assert list(found) == sorted(found, key=lambda one: (one.span.start_ms, one.peak_ms))
    for one in found:
        assert 0 <= one.span.start_ms <= one.peak_ms <= one.span.end_ms <= duration_ms
        assert one.span.length_ms > 0
        assert set(one.evidence) <= set(PARTS) - {"rating"}
        assert all(0 < value <= 1 for value in one.evidence.values())
        assert all(0 <= value <= 1 for value in one.likeness.values())
        if not set(one.evidence) & set(CROWD):
            assert one.span.length_ms <= profile.most_ms


@settings(max_examples=20, deadline=None)
@given(happenings, said_things, st.sampled_from(sorted(PROFILES)))
def test_interest_is_a_chance_at_every_step(
    happened: list[tuple[int, int, str]], said: Said, name: str
) -> None:
    felt = moments.evidence(taped(happened).now(), said)
    assert set(felt) == set(PARTS) - {"rating"}
    worth = moments.interest(felt, PROFILES[name])
    for curve in (worth, *felt.values()):
        assert len(curve) == len(worth)
        assert np.isfinite(curve).all()
        assert curve.min() >= 0
        assert curve.max() <= 1


def test_a_moment_is_plain_data() -> None:
    """It goes through a pipe between processes."""
    (one,) = moments.find(Tape().talk(2, 30).react(64, 71).now(), STAGE, 120_000)
    assert isinstance(one, Moment)
    kinds = {type(value) for value in (*one.evidence.values(), *one.likeness.values())}
    assert kinds == {float}
    assert {type(one.span.start_ms), type(one.span.end_ms), type(one.peak_ms)} == {int}


def doubtful(tape: Tape, kind: str = "laughter") -> Tape:
    """What may be laughter, from 64 s on."""
    return tape.add(64, 71, -20, reaction=0.5, **{kind: 0.5})


def laughed(tape: Tape) -> float:
    found = moments.find(tape.now(), PROFILES["stage"], 120_000)
    return max((one.evidence.get("laughter", 0.0) for one in found), default=0.0)


def test_a_doubtful_reaction_counts_more_after_a_raised_line_and_less_out_of_noise() -> None:
    talk = [Tape().talk(2, 55) for _ in range(3)]
    answering = laughed(doubtful(talk[0].excited(58, 64)))
    alone = laughed(doubtful(talk[1]))
    out_of_noise = laughed(doubtful(talk[2].add(60, 75, -22, noise=0.9)))
    assert out_of_noise < alone < answering
    assert answering > 0.4


def test_whoever_shouts_makes_no_crowd_of_what_hardly_sounds_like_one() -> None:
    tape = Tape().talk(2, 55).excited(58, 66)
    tape.add(62, 68, -20, reaction=0.1, laughter=0.1)
    found = moments.find(tape.now(), PROFILES["talk"], 120_000)
    assert any(one.evidence.get("excited speech", 0) > 0.3 for one in found)
    assert all(sum(one.evidence.get(kind, 0) for kind in CROWD) <= 0.13 for one in found)
