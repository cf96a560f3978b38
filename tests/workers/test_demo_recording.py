"""The demo's own recording is what its truth says: tests of clips and cuts rely on it."""

import itertools
import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.errors import ChildFailed
from workers.demo import draw, rally, sound
from workers.demo.crowd_sound import RATE, Sound, band
from workers.demo.recording import make_recording
from workers.demo.story import FRAME_MS, GOALS, LINES, RALLIES, DemoTruth, truth

HEARD_S = 92
"""Two goals and one of each noise but the horn."""


@pytest.fixture(scope="module")
def heard() -> Sound:
    return sound.mix(HEARD_S).astype(np.float64)


def dbfs(samples: Sound, start_ms: int, end_ms: int) -> float:
    part = samples[start_ms * RATE // 1000 : end_ms * RATE // 1000]
    return float(10 * np.log10(np.mean(part**2) + 1e-12))


def small(ms: float) -> np.ndarray:
    return cv2.resize(draw.frame(ms), (128, 72), interpolation=cv2.INTER_AREA).astype(float)


def test_goals_lie_inside_and_well_apart():
    told = truth()
    assert len(told.goals) == 5
    for goal in told.goals:
        assert 0 < goal.start_ms < goal.ball_in_ms < goal.cheer_start_ms < goal.cheer_end_ms
        assert goal.cheer_end_ms <= goal.end_ms < told.duration_ms
    for one, two in itertools.pairwise(told.goals):
        assert two.start_ms - one.end_ms >= 20_000


def test_the_score_counts_the_goals():
    points = {"clara": 0, "oscar": 0}
    for goal in GOALS:
        points[goal.scorer] += 1
        assert goal.score == f"{points['clara']}-{points['oscar']}"


def test_noise_is_not_at_a_goal():
    told = truth()
    assert {noise.kind for noise in told.distractors} >= {"machine", "jingle", "horn"}
    for noise, goal in itertools.product(told.distractors, told.goals):
        assert noise.end_ms <= goal.start_ms or noise.start_ms >= goal.end_ms, (noise, goal)


def test_cuts_are_on_frames_and_a_second_apart():
    cuts = [0, *truth().cuts_ms, truth().duration_ms]
    assert all(cut % FRAME_MS == 0 for cut in cuts)
    assert min(b - a for a, b in itertools.pairwise(cuts)) >= 1000


def test_each_cut_is_seen_and_the_frames_beside_it_are_calm():
    for cut in truth().cuts_ms[:12]:
        before, last, first = (small(cut - back * FRAME_MS) for back in (2, 1, 0))
        within, across = np.abs(last - before).mean(), np.abs(first - last).mean()
        assert across > 14, cut
        assert across > 5 * within, cut


@pytest.mark.parametrize("number", range(len(RALLIES)))
def test_the_ball_is_in_the_goal_when_truth_says_so(number: int):
    goal = GOALS[number]
    before, after = rally.ball(goal.ball_in_ms - 200), rally.ball(goal.ball_in_ms)
    assert before is not None
    assert after is not None
    assert abs(before.x) < rally.GOAL_X < abs(after.x)
    assert np.sign(after.x) == -rally.side(goal.scorer)
    assert abs(after.y) < rally.GOAL_HALF


def test_the_goal_shows_on_the_score():
    goal = GOALS[0]
    label = (slice(28, 80), slice(140, 260))
    before, after = draw.frame(goal.ball_in_ms)[label], draw.frame(goal.ball_in_ms + 600)[label]
    assert np.abs(before.astype(int) - after).max() > 100


def test_cheers_and_noises_are_as_loud_as_meant(heard: Sound):
    for goal in GOALS[:2]:
        loud = dbfs(heard, goal.cheer_start_ms + 700, goal.cheer_end_ms - 2500)
        assert loud == pytest.approx(sound.LEVELS["cheer"], abs=1.5)
        assert dbfs(heard, goal.cheer_start_ms - 2500, goal.cheer_start_ms - 2100) < loud - 3
    for noise in truth().distractors:
        if noise.end_ms < HEARD_S * 1000:
            level = dbfs(heard, noise.start_ms, noise.end_ms)
            assert level == pytest.approx(sound.LEVELS[noise.kind], abs=1.0), noise
    assert sound.LEVELS["machine"] > sound.LEVELS["cheer"]
    assert np.abs(heard).max() < 1


def test_the_quiet_is_quiet(heard: Sound):
    """The murmur is alone here, but for strokes of the rackets."""
    moments = [dbfs(heard, ms, ms + 50) for ms in range(19_000, 20_000, 50)]
    assert np.median(moments) == pytest.approx(sound.LEVELS["murmur"], abs=3)


def test_a_cheer_moves_and_is_bright_where_the_machine_hums(heard: Sound):
    machine = next(noise for noise in truth().distractors if noise.kind == "machine")
    cheer_ms, machine_ms = GOALS[1].cheer_start_ms + 700, machine.start_ms + 2000
    moves, shares = [], []
    for start in (cheer_ms, machine_ms):
        part = heard[start * RATE // 1000 : (start + 3000) * RATE // 1000]
        voice = band(part, 1000, 4000)
        steps = (voice[: len(voice) // 960 * 960] ** 2).reshape(-1, 960 * 2).mean(axis=1)
        moves.append(float(np.std(10 * np.log10(steps))))
        shares.append(float(np.mean(voice**2) / np.mean(part**2)))
    assert moves[0] > 2 * moves[1]
    assert shares[0] > 1.3 * shares[1]


def test_the_speech_asset_is_small_and_says_the_story(heard: Sound):
    index = json.loads((sound.HERE / "commentary.json").read_text())
    assert (sound.HERE / "commentary.opus").stat().st_size < 300_000
    assert [(part["line"], part["text"]) for part in index] == [(x.key, x.text) for x in LINES]
    length = {part["line"]: part["end_ms"] - part["start_ms"] for part in index}
    for line, after in itertools.pairwise(LINES):
        assert line.at_ms + length[line.key] < after.at_ms, line
    talk = LINES[1]
    level = dbfs(heard, talk.at_ms, talk.at_ms + length[talk.key])
    assert level == pytest.approx(sound.LEVELS[talk.mood], abs=4)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoTruth, list[float]]:
    path, told = tmp_path_factory.mktemp("demo") / "short.mp4", []
    return path, make_recording(path, told.append, seconds=6.8), told


def test_a_short_render_cuts_where_truth_says(short: tuple[Path, DemoTruth, list[float]]):
    path, told, progress = short
    with av.open(str(path)) as media:
        video, audio = media.streams.video[0], media.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 1280, 720)
        assert video.average_rate == 25
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48_000, 2)
        frames = [frame.reformat(128, 72, "gray").to_ndarray() for frame in media.decode(video)]
    assert len(frames) == 170
    change = [np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]
    assert (int(np.argmax(change)) + 1) * FRAME_MS == told.cuts_ms[0] == 6000
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_it_is_the_same_each_time(tmp_path: Path):
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    make_recording(one, seconds=0.4)
    make_recording(two, seconds=0.4)
    assert one.read_bytes() == two.read_bytes()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path):
    with pytest.raises(ChildFailed, match="ffmpeg could not finish"):
        make_recording(tmp_path / "missing" / "demo.mp4", seconds=0.4)
