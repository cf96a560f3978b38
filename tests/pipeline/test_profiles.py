"""Recordings without an audience, whose moments are known: a talk, a game, a silent match."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.frames import Glimpses
from pipeline.scout import Asked, Scouted, scout
from pipeline.timeline import Highlight, Span
from tests import stories


def chosen(found: Scouted) -> list[Highlight]:
    return sorted(
        (one for one in found.highlights() if one.chosen), key=lambda one: one.span.start_ms
    )


def hits(found: Scouted, planted: Sequence[Span]) -> bool:
    """One chosen moment for each planted one, covering most of it, and no other."""
    spans = [one.span for one in chosen(found)]
    if len(spans) != len(planted):
        return False
    pairs = zip(spans, planted, strict=True)
    return all(span.overlap_ms(truth) > 0.7 * truth.length_ms for span, truth in pairs)


@pytest.fixture(scope="module")
def podcast() -> stories.Tape:
    return stories.podcast()


@pytest.fixture(scope="module")
def podcast_file(podcast: stories.Tape, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stories.sound_file(tmp_path_factory.mktemp("podcast") / "podcast.wav", podcast)


def test_excited_talk_is_found_by_its_sound_alone(
    podcast: stories.Tape, podcast_file: Path
) -> None:
    found = scout(podcast_file)
    assert found.profile == "talk"
    assert hits(found, podcast.planted[:1])
    (one,) = chosen(found)
    assert max(one.reasons, key=lambda name: one.reasons[name]) == "excited speech"


def test_words_find_the_story_and_the_question_too(
    podcast: stories.Tape, podcast_file: Path
) -> None:
    found = scout(podcast_file, listener=podcast.listener)
    assert hits(found, podcast.planted)
    _, story, question = chosen(found)
    assert story.reasons["cue words"] > 0.3
    assert question.reasons["question"] > 0.3


def test_plain_talk_gives_no_clip(tmp_path: Path) -> None:
    tape = stories.small_talk()
    found = scout(stories.sound_file(tmp_path / "talk.wav", tape), listener=tape.listener)
    assert found.profile == "talk"
    assert chosen(found) == []


def test_fights_of_a_game_are_found_and_a_single_shot_is_not(tmp_path: Path) -> None:
    tape = stories.game()
    found = scout(stories.sound_file(tmp_path / "game.wav", tape))
    assert found.profile == "game"
    assert hits(found, tape.planted)
    assert all(one.reasons["impact"] > 0.15 for one in chosen(found))


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Scouted:
    return scout(stories.match_file(tmp_path_factory.mktemp("match") / "match.mp4"))


def test_attacks_of_a_silent_match_are_found_by_their_motion(match: Scouted) -> None:
    assert match.profile == "sport"
    assert hits(match, [Span(a * 1000, b * 1000) for a, b in stories.ATTACKS_S])
    assert all(set(one.reasons) == {"motion"} for one in chosen(match))


def test_a_camera_that_swings_is_no_attack(match: Scouted) -> None:
    assert all(one.span.end_ms < 36_000 or one.span.start_ms > 42_000 for one in chosen(match))


def _loud_packets(_: Glimpses, seconds: int) -> NDArray[np.float32]:
    """As if packets swore that all moves at each attack."""
    motion = np.zeros(seconds, np.float32)
    for start_s, end_s in stories.ATTACKS_S:
        motion[start_s:end_s] = 1.0
    return motion


def test_motion_that_nobody_looked_at_makes_no_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.scout.LOOK_MS", 0)
    monkeypatch.setattr("pipeline.scout.LOOK_SHARE", 0.0)
    monkeypatch.setattr("pipeline.scout.picture_activity", _loud_packets)
    unseen = scout(stories.match_file(tmp_path / "match.mp4"))
    assert len(unseen.moments) >= len(stories.ATTACKS_S)
    assert chosen(unseen) == []


def test_a_profile_that_is_asked_for_is_taken(podcast_file: Path) -> None:
    found = scout(podcast_file, Asked(profile="stage"))
    assert found.profile == "stage"
    assert chosen(found) == []


def test_a_chat_that_stirs_makes_a_moment_of_plain_talk(tmp_path: Path) -> None:
    tape = stories.small_talk()
    stir = tuple(0.9 if 60 <= second < 68 else 0.0 for second in range(120))
    found = scout(stories.sound_file(tmp_path / "talk.wav", tape), Asked(chat=stir))
    (one,) = chosen(found)
    assert one.span.start_ms <= 62_000
    assert one.span.end_ms >= 66_000
    assert one.reasons["chat"] > 0.3
