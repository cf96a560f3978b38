"""The poster is the frame that a person would have chosen of these."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import Refused
from pipeline.stills import judge, poster, wave_poster
from tests.media import X264, made

Picture = NDArray[np.uint8]
WIDTH, HEIGHT, RATE = 640, 360, 10
SKIN, HAIR, SHADE = (150, 180, 220), (30, 40, 60), (90, 115, 150)


def face(*, eyes: bool) -> Picture:
    """A drawn one, of blue, green and red, good enough for the detector."""
    picture = np.full((HEIGHT, WIDTH, 3), (150, 140, 130), np.uint8)

    def oval(at: tuple[int, int], size: tuple[int, int], colour: Sequence[int]) -> None:
        cv2.ellipse(picture, at, size, 0, 0, 360, colour, -1, cv2.LINE_AA)

    cv2.ellipse(picture, (320, 95), (95, 60), 0, 180, 360, HAIR, -1)
    oval((320, 180), (90, 120), SKIN)
    cv2.ellipse(picture, (320, 95), (95, 60), 0, 180, 360, HAIR, -1)
    for x in (282, 358):
        cv2.ellipse(picture, (x, 140), (24, 6), 0, 180, 360, (40, 50, 70), -1, cv2.LINE_AA)
        oval((x, 162), (24, 14), SHADE)
        if eyes:
            oval((x, 162), (17, 9), (235, 235, 235))
            oval((x, 162), (8, 8), (30, 30, 30))
        else:
            cv2.line(picture, (x - 16, 164), (x + 16, 164), (80, 100, 130), 2, cv2.LINE_AA)
    cv2.line(picture, (320, 150), (312, 205), (110, 140, 185), 4, cv2.LINE_AA)
    oval((320, 245), (38, 10), (80, 80, 160))
    return cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.uint8)


def scene(seed: int = 1) -> Picture:
    """Sharp, coloured, of middle light."""
    random, picture = np.random.default_rng(seed), np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    for _ in range(60):
        x, y = int(random.integers(WIDTH)), int(random.integers(HEIGHT))
        colour = tuple(int(part) for part in random.integers(20, 230, 3))
        cv2.rectangle(picture, (x, y), (x + 60, y + 40), colour, -1)
    return picture


def blurred(picture: Picture) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), 12).astype(np.uint8)


def dark(picture: Picture) -> Picture:
    return (picture * 0.12).astype(np.uint8)


def glaring(picture: Picture) -> Picture:
    return (255 - (255 - picture) * 0.12).astype(np.uint8)


def clip(path: Path, pictures: Sequence[Picture], *args: str) -> Path:
    """A second of each."""
    raw = b"".join(picture.tobytes() * RATE for picture in pictures)
    shape = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE))
    return made(path, *shape, "-i", "pipe:", *X264, "-pix_fmt", "yuv420p", *args, stdin=raw)


def alike(path: Path, picture: Picture) -> float:
    return float(np.abs(read(path).astype(float) - picture.astype(float)).mean())


def read(path: Path) -> Picture:
    return np.asarray(cv2.imread(str(path)), np.uint8)


@pytest.mark.parametrize("worse", [blurred, dark, glaring])
def test_a_sharp_well_lit_picture_is_worth_more(worse: Callable[[Picture], Picture]) -> None:
    for seed in range(5):
        assert judge(scene(seed)) > judge(worse(scene(seed))) + 0.2


def test_open_eyes_are_worth_more_than_closed_ones_and_these_more_than_none() -> None:
    bare = cv2.GaussianBlur(np.full((HEIGHT, WIDTH, 3), (150, 140, 130), np.uint8), (0, 0), 1.5)
    assert judge(face(eyes=True)) > judge(face(eyes=False)) + 0.25
    assert judge(face(eyes=False)) > judge(bare.astype(np.uint8)) + 0.25


@pytest.mark.parametrize("place", [0, 2, 5])
def test_the_good_second_of_a_clip_gives_the_poster(place: int, tmp_path: Path) -> None:
    pictures = [blurred(scene(3)), dark(scene(4)), glaring(scene(5))] * 2
    pictures[place] = scene(1)
    master = clip(tmp_path / "master.mp4", pictures)
    assert poster(master, 6_000, 3_000, tmp_path / "poster.jpg") == (WIDTH, HEIGHT)
    assert alike(tmp_path / "poster.jpg", pictures[place]) < 8


@pytest.mark.parametrize("peak_ms", [500, 5_500])
def test_of_equal_pictures_the_one_near_the_peak_is_taken(peak_ms: int, tmp_path: Path) -> None:
    ends = scene(1), np.ascontiguousarray(scene(1)[:, ::-1])
    master = clip(tmp_path / "master.mp4", [ends[0]] * 3 + [ends[1]] * 3)
    poster(master, 6_000, peak_ms, tmp_path / "poster.jpg")
    assert alike(tmp_path / "poster.jpg", ends[peak_ms > 3_000]) < 8


def test_a_picture_that_stands_for_seconds_is_found(tmp_path: Path) -> None:
    """A recorded slide: one frame and then none for the rest of the clip."""
    uneven = ("-vf", "select='lt(n,1)+eq(n,59)'", "-fps_mode", "vfr")
    master = clip(tmp_path / "slide.mp4", [scene(1)] * 5 + [dark(scene(2))], *uneven)
    poster(master, 6_000, 3_000, tmp_path / "poster.jpg")
    assert alike(tmp_path / "poster.jpg", scene(1)) < 8


def test_a_poster_is_never_larger_than_its_clip_nor_than_640(tmp_path: Path) -> None:
    wide = ("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=5:d=1.2", *X264)
    out = tmp_path / "poster.jpg"
    assert poster(made(tmp_path / "wide.mp4", *wide), 1_200, 600, out) == (640, 360)
    assert read(out).shape == (360, 640, 3)


def test_a_clip_whose_pictures_are_lost_is_refused(tmp_path: Path) -> None:
    master = clip(tmp_path / "cut.mp4", [scene(1)])
    data = master.read_bytes()
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    master.write_bytes(data[:start] + bytes(end - start) + data[end:])
    with pytest.raises(Refused, match="poster"):
        poster(master, 1_000, 500, tmp_path / "poster.jpg")


def test_the_wave_is_high_where_it_is_loud(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).normal(0, 0.02, 16_000 * 4).astype(np.float32)
    pcm[16_000 * 2 :] *= 10
    assert wave_poster(pcm, tmp_path / "wave.jpg") == (640, 360)
    drawn = read(tmp_path / "wave.jpg").max(axis=2) > 120
    assert drawn[:, 320:].sum() > 3 * drawn[:, :320].sum() > 0


@pytest.mark.parametrize("pcm", [np.zeros(0, np.float32), np.zeros(16_000, np.float32)])
def test_silence_is_drawn_too(pcm: NDArray[np.float32], tmp_path: Path) -> None:
    assert wave_poster(pcm, tmp_path / "wave.jpg") == (640, 360)
