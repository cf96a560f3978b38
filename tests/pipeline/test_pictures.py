"""Motion, camera, cuts, faces and text of each second, on pictures of which all that is known."""

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.frames import CONTEXT_MS, LARGE, Frame, around
from pipeline.pictures import PARTS, Second, Seen, describe, look
from pipeline.timeline import Span
from tests.media import filmed, shots, wav

WIDE, HIGH = 96, 54
RATE = 25
FOOTAGE = Path(__file__).parents[3] / "shared" / "footage" / "dev"
CARDS = {
    "title": (["THE LONG WAY HOME"], 20, 235),
    "credits": (["Directed by Ada", "Written by Ben", "Music by Cy"], 0, 200),
    "slide": (["Agenda", "- why it is slow", "- what we changed", "- results"], 245, 30),
}


def world(seed: int = 1) -> np.ndarray:
    """A large picture with coarse and fine detail, to look at a part of."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(random.uniform(0, 255, (240 // size, 400 // size, 3)), (400, 240))
        for size in (40, 16, 6)
    ]
    return np.clip(sum(layers) / 3 * 1.6 - 76, 0, 255).astype(np.uint8)


def seen_by(
    camera: Callable[[float], tuple[float, float, float]], seconds: int = 4, *, thing: bool = False
) -> np.ndarray:
    """Frames of a camera that stands at (x, y) with a zoom; a thing may run through its world."""
    scene, frames = world(), []
    for number in range(seconds * RATE):
        picture = scene.copy()
        if thing:
            x, y = 150 + 55 * np.sin(number / 7), 120 + 15 * np.cos(number / 5)
            cv2.rectangle(picture, (int(x), int(y)), (int(x) + 16, int(y) + 18), (250, 250, 30), -1)
        x, y, zoom = camera(number / RATE)
        part = np.array([[zoom, 0, -x * zoom], [0, zoom, -y * zoom]], np.float64)
        frames.append(cv2.warpAffine(picture, part, (WIDE, HIGH), flags=cv2.INTER_AREA))
    return np.stack(frames)


def still(t: float) -> tuple[float, float, float]:
    return 130, 100, 1


def pan(t: float) -> tuple[float, float, float]:
    return 100 + 18 * t, 100, 1


def shake(t: float) -> tuple[float, float, float]:
    return 130 + 2.5 * np.sin(31 * t), 100 + 2 * np.sin(23 * t + 1), 1


def zoom(t: float) -> tuple[float, float, float]:
    scale = 1 + 0.15 * t
    return 178 - 48 / scale, 127 - 27 / scale, scale


def timed(frames: np.ndarray, rate: float = RATE) -> Iterator[tuple[int, Frame]]:
    return ((round(i * 1000 / rate), frame) for i, frame in enumerate(frames))


def mean(seen: Seen, part: str) -> float:
    return float(np.mean([second[part] for second in seen.seconds]))


def highest(seen: Seen, part: str) -> float:
    return max(second[part] for second in seen.seconds)


@pytest.mark.parametrize("camera", [pan, shake, zoom])
def test_a_camera_that_moves_is_camera_and_not_motion(
    camera: Callable[[float], tuple[float, float, float]],
) -> None:
    seen = describe(timed(seen_by(camera)))
    assert min(second["camera"] for second in seen.seconds) > 0.3
    assert highest(seen, "motion") < 0.1
    assert seen.cuts == []


def test_a_thing_that_moves_before_a_still_camera_is_motion() -> None:
    seen = describe(timed(seen_by(still, thing=True)))
    assert min(second["motion"] for second in seen.seconds) > 0.25
    assert highest(seen, "camera") < 0.1


def test_a_thing_is_told_apart_from_the_camera_that_follows_nothing() -> None:
    seen = describe(timed(seen_by(pan, thing=True)))
    assert mean(seen, "motion") > 0.25
    assert mean(seen, "camera") > 0.5


def test_a_bare_thing_on_a_bare_ground_does_not_move_the_camera() -> None:
    frames = np.full((100, HIGH, WIDE, 3), 90, np.uint8)
    for i, frame in enumerate(frames):
        frame[20:34, (3 * i) % 70 : (3 * i) % 70 + 14] = world()[:14, :14]
    seen = describe(timed(frames))
    assert mean(seen, "motion") > 0.25
    assert highest(seen, "camera") < 0.1


def noisy(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.clip(frames + random.normal(0, 3, frames.shape), 0, 255).astype(np.uint8)


def shimmering(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Squares that are a little lighter or darker from one key frame to the next."""
    blocks = random.integers(-4, 5, (len(frames) // 25, 9, 16, 1))
    squares = blocks.repeat(25, 0).repeat(6, 1).repeat(6, 2)
    return np.clip(frames.astype(int) + squares, 0, 255).astype(np.uint8)


def flashing(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    frames = frames.copy()
    for at in (13, 40, 44, 77):
        for number, share in enumerate((0.9, 0.5, 0.2)):
            lit = frames[at + number] * (1 - share) + 240 * share
            frames[at + number] = lit.astype(np.uint8)
    return frames


def dimming(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    light = 0.75 + 0.25 * np.cos(np.arange(len(frames)) / 12)
    return np.asarray(frames * light[:, None, None, None], np.uint8)


@pytest.mark.parametrize("harmless", [noisy, shimmering, flashing, dimming])
def test_where_nothing_moves_there_is_nothing(
    harmless: Callable[[np.ndarray, np.random.Generator], np.ndarray],
) -> None:
    frames = harmless(seen_by(still), np.random.default_rng(2))
    seen = describe(timed(frames))
    assert seen.cuts == []
    assert all(value == 0 for second in seen.seconds for value in second.values()), seen.seconds


def test_cuts_and_dissolves_are_no_motion() -> None:
    frames = shots([30, 61, 95], 250)
    frames = np.stack([frames[i] for i in (*[0] * 30, *[30] * 31, *[61] * 34, *[95] * 155)])
    for number in range(20):
        share = number / 20
        frames[160 + number] = (frames[0] * share + frames[200] * (1 - share)).astype(np.uint8)
    frames[180:] = frames[0]
    seen = describe(timed(frames))
    assert seen.cuts[:3] == [1200, 2440, 3800]
    assert len(seen.cuts) == 4
    assert [second["cuts"] for second in seen.seconds[:5]] == [0, 0.5, 0.5, 0.5, 0]
    assert highest(seen, "motion") < 0.05
    assert highest(seen, "camera") < 0.05


def test_pieces_answer_what_the_whole_does() -> None:
    random = np.random.default_rng(3)
    cuts = np.cumsum(random.integers(8, 70, 60)).tolist()
    frames = list(timed(shots(cuts, cuts[-1] + 30)))
    end_ms = frames[-1][0] + 40
    whole = describe(frames, Span(0, end_ms))
    for length_ms in (4_000, 9_000):
        edges = [*range(0, end_ms, length_ms), end_ms]
        found: list[int] = []
        seconds: list[Second] = []
        for start_ms, stop_ms in pairwise(edges):
            span = Span(start_ms, stop_ms)
            read = around(span)
            piece = describe([one for one in frames if read.start_ms <= one[0] < read.end_ms], span)
            found += piece.cuts
            seconds += piece.seconds
        assert found == whole.cuts == [cut * 40 for cut in cuts]
        assert seconds == whole.seconds


def card(lines: list[str], ground: int, ink: int) -> np.ndarray:
    picture = np.full((LARGE * 9 // 16, LARGE), ground, np.uint8)
    for number, line in enumerate(lines):
        place = (30, 50 + 34 * number)
        cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 1, cv2.LINE_AA)
    return picture


def looks_at(picture: np.ndarray, seconds: int = 4) -> Seen:
    """The frames of a still recording of it, as the decoder gives them."""
    small = cv2.cvtColor(cv2.resize(picture, (WIDE, HIGH)), cv2.COLOR_GRAY2BGR)
    frames: list[tuple[int, Frame]] = []
    for number in range(seconds * RATE):
        frames.append((number * 40, small))
        if number % (2 * RATE) == 0:
            frames.append((number * 40, picture))
    return describe(frames)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_to_be_read_is_text(name: str) -> None:
    seen = looks_at(card(*CARDS[name]))
    assert [second["text"] > 0.8 for second in seen.seconds] == [True] * 4
    assert highest(seen, "faces") == 0


@pytest.mark.parametrize(
    "picture",
    [
        world()[:225, :400, 1],
        np.zeros((225, 400), np.uint8),
        np.tile(np.where(np.arange(400) // 10 % 2, 200, 30).astype(np.uint8), (225, 1)),
        np.kron(np.indices((9, 16)).sum(0) % 2 * 180, np.ones((25, 25))).astype(np.uint8),
    ],
)
def test_a_landscape_a_black_screen_stripes_and_a_chessboard_are_not(picture: np.ndarray) -> None:
    seen = looks_at(np.ascontiguousarray(picture))
    assert highest(seen, "text") < 0.1
    assert highest(seen, "faces") == 0


@pytest.mark.skipif(not FOOTAGE.exists(), reason="the footage is not there")
@pytest.mark.parametrize(
    ("name", "has_face"),
    [
        ("video_calm/asl_again.mkv", True),
        ("video_calm/asl_eat.mkv", True),
        ("video_calm/flower.mp4", False),
        ("video_motion/01_dog.mp4", False),
    ],
)
def test_a_face_is_seen_where_there_is_one(name: str, has_face: bool) -> None:
    assert (mean(look(FOOTAGE / name), "faces") > 0.4) == has_face


@pytest.mark.skipif(not FOOTAGE.exists(), reason="the footage is not there")
def test_a_hand_held_camera_is_told_from_a_juggler_before_a_fixed_one() -> None:
    held, fixed = (
        look(FOOTAGE / name)
        for name in ("video_calm/crystal.mp4", "video_motion/05_default_juggle.mp4")
    )
    assert mean(held, "camera") > 0.5 > 0.1 > mean(fixed, "camera")
    assert mean(fixed, "motion") > 0.3


def test_a_span_of_a_file_is_answered_as_in_the_whole(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4", shots([40, 100, 160, 205], 300), "-g", "125")
    whole, part = look(film), look(film, Span(4_000, 8_000))
    assert whole.cuts == [1600, 4000, 6400, 8200]
    assert part.cuts == [4000, 6400]
    assert part.seconds == whole.seconds[4:8]
    assert set(whole.seconds[0]) == set(PARTS)


def test_a_sound_has_no_pictures(tmp_path: Path) -> None:
    sound = wav(tmp_path / "hum.wav", np.sin(np.arange(32_000) / 10))
    assert look(sound) == ([], [])


def test_a_picture_that_ends_before_its_sound_does_nothing_after() -> None:
    frames = list(timed(seen_by(still, 3, thing=True)))
    seen = describe(frames, Span(0, 9_000))
    assert len(seen.seconds) == 9
    assert all(not any(second.values()) for second in seen.seconds[4:])


def test_missing_pictures_in_the_middle_are_no_cut_and_no_motion() -> None:
    frames = list(timed(seen_by(still, 8)))
    seen = describe([one for one in frames if not 2_000 <= one[0] < 6_000])
    assert seen.cuts == []
    assert highest(seen, "motion") == highest(seen, "camera") == 0
    assert len(seen.seconds) == 8


def test_false_stamps_are_left_out() -> None:
    frames = list(timed(shots([60], 150)))
    stamps = [at for at, _ in frames]
    stamps[20] = 9_000_000
    stamps[33] = 12
    stamps[70] = stamps[69]
    stamps[90] = 2**52
    seen = describe((at, frame) for at, (_, frame) in zip(stamps, frames, strict=True))
    assert seen.cuts == [2_400]
    assert len(seen.seconds) == 6


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_of_frames_does_no_harm(count: int) -> None:
    seen = describe(timed(shots([], count or 1)[:count]))
    assert (seen.cuts, len(seen.seconds)) == ([], min(1, count))


def test_many_cuts_a_minute_are_all_seen_and_none_is_invented() -> None:
    cuts = list(range(4, 1_000, 4))
    assert describe(timed(shots(cuts, 1_000))).cuts == [cut * 40 for cut in cuts]
    faster = sorted({round(2.5 * number) for number in range(1, 400)})
    found = describe(timed(shots(faster, 1_000))).cuts
    assert set(found) <= {cut * 40 for cut in faster}
    assert len(found) > len(faster) / 2


def held(minutes: int, picture: np.ndarray) -> Iterator[tuple[int, Frame]]:
    """A frame a second, each a picture of its own."""
    return ((1000 * number, picture.copy()) for number in range(60 * minutes))


@pytest.mark.parametrize("picture", [np.zeros((HIGH, WIDE, 3), np.uint8), world()[:HIGH, :WIDE]])
def test_hours_of_nothing_take_no_memory_and_give_nothing(picture: np.ndarray) -> None:
    peaks = []
    for minutes in (10, 180):
        tracemalloc.start()
        seen = describe(held(minutes, picture))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(seen.seconds) == minutes * 60
        assert seen.cuts == []
        assert not any(value for second in seen.seconds for value in second.values())
    # What remains is the answer: a few numbers a second.
    assert peaks[1] < 1.3 * peaks[0] + 180 * 60 * 1_000


def test_the_context_is_what_a_dissolve_and_a_flash_need() -> None:
    assert CONTEXT_MS >= 1_120 // 2 + 500
