"""Cuts, to the frame, on pictures whose shots are known; and what looks like a cut and is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.frames import CONTEXT_MS
from pipeline.shots import BLOCK, cuts_in, find_cuts
from pipeline.timeline import Span
from tests.media import filmed, shots

FRAME_MS = 40


def cuts_of(frames: np.ndarray) -> list[int]:
    """Frame numbers."""
    return [ms // FRAME_MS for ms in find_cuts((i * FRAME_MS, f) for i, f in enumerate(frames))]


def mixed(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(before * (1 - share) + after * share, np.uint8)


def test_every_hard_cut_is_found_at_its_frame() -> None:
    cuts = [20, 47, 80, 88, 130]
    assert cuts_of(shots(cuts, 160)) == cuts


def test_cuts_are_found_wherever_a_block_ends() -> None:
    cuts = [*range(BLOCK - 60, BLOCK + 60, 12), 2 * BLOCK - 51, 2 * BLOCK - 50]
    found = cuts_of(shots(cuts[:-1], 2 * BLOCK + 40))
    assert found == cuts[:-1]


def test_one_shot_has_no_cut() -> None:
    assert cuts_of(shots([], 120)) == []


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_of_frames_does_no_harm(count: int) -> None:
    assert cuts_of(shots([], count)) == []


def test_a_camera_flash_is_no_cut() -> None:
    frames = shots([], 100)
    for flash in (30, 33, 60):
        for number, share in enumerate((0.9, 0.55, 0.25)):
            frames[flash + number] = mixed(frames[flash + number], np.full(3, 235), share)
    assert cuts_of(frames) == []


def test_one_black_frame_is_no_cut() -> None:
    frames = shots([], 100)
    frames[50] = 0
    assert cuts_of(frames) == []


def test_a_whip_pan_is_no_cut() -> None:
    wide = shots([], 1, size=(2000, 54))[0]
    still = [wide[:, 0:96]] * 40
    whip = [wide[:, 40 * i : 40 * i + 96] for i in range(1, 30)]
    assert cuts_of(np.stack([*still, *whip, *[wide[:, 1200:1296]] * 40])) == []


def test_light_switched_on_is_no_cut() -> None:
    frames = shots([], 100)
    frames[50:] = np.clip(frames[50:] * 0.5 + 110, 0, 255).astype(np.uint8)
    assert cuts_of(frames) == []


@pytest.mark.parametrize("length", [12, 20, 28])
def test_a_dissolve_is_one_cut_inside_it(length: int) -> None:
    frames = shots([60], 60 + length + 60)
    held = frames[59].copy()
    for number in range(length):
        share = (number + 1) / (length + 1)
        frames[60 + number] = mixed(held, frames[60 + number], share)
    found = cuts_of(frames)
    assert len(found) == 1
    assert 60 - 2 <= found[0] <= 60 + length + 2


def test_a_fade_through_black_is_one_cut_in_the_dark() -> None:
    frames = shots([70], 140)
    for number in range(15):
        frames[50 + number] = mixed(frames[50 + number], np.zeros(3), (number + 1) / 15)
        frames[75 + number] = mixed(np.zeros(3), frames[75 + number], (number + 1) / 15)
    frames[65:75] = 0
    found = cuts_of(frames)
    assert len(found) == 1
    assert 64 <= found[0] <= 76


def test_a_fade_in_at_the_start_is_no_cut() -> None:
    frames = shots([], 100)
    for number in range(30):
        frames[number] = mixed(np.zeros(3), frames[number], number / 30)
    assert cuts_of(frames) == []


def test_a_fade_to_black_at_the_end_is_a_cut_and_a_long_black_is_a_shot() -> None:
    frames = shots([100], 250)
    for number in range(15):
        frames[50 + number] = mixed(frames[50 + number], np.zeros(3), (number + 1) / 15)
        frames[120 + number] = mixed(np.zeros(3), frames[120 + number], (number + 1) / 15)
        frames[200 + number] = mixed(frames[200 + number], np.zeros(3), (number + 1) / 15)
    frames[65:120] = 0
    frames[215:] = 0
    out, back, end = cuts_of(frames)
    assert 58 <= out <= 66
    assert 119 <= back <= 128
    assert 208 <= end <= 216


def test_a_title_that_comes_up_is_no_cut() -> None:
    frames = np.repeat(shots([], 1), 120, axis=0)
    for number in range(40, 120):
        title = np.full((26, 80, 3), 250)
        share = min(1.0, (number - 40) / 20)
        frames[number, 14:40, 8:88] = mixed(frames[number, 14:40, 8:88], title, share)
    assert cuts_of(frames) == []


@pytest.mark.parametrize("speed", [6, 20, 45])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_pan_in_changing_light_is_no_dissolve(speed: int, seed: int) -> None:
    wide = shots([], 1, size=(400, 54), seed=seed)[0]
    frames = []
    for number in range(150):
        part = np.array([[1, 0, -speed * number / 25], [0, 1, 0]], np.float64)
        light = 0.75 + 0.25 * np.cos(number / 15)
        frames.append((cv2.warpAffine(wide, part, (96, 54)) * light).astype(np.uint8))
    assert cuts_of(np.stack(frames)) == []


def test_two_flashes_one_after_the_other_are_no_fade() -> None:
    wide = shots([], 1, size=(400, 54))[0]
    frames = np.stack([wide[:, 2 * i : 2 * i + 96] for i in range(100)])
    for flash in (50, 52):
        for number, share in enumerate((0.97, 0.6, 0.3)):
            lit = mixed(frames[flash + number], np.full(3, 250), share)
            frames[flash + number] = np.maximum(frames[flash + number], lit)
    assert cuts_of(frames) == []


def test_a_cut_into_a_wild_shot_is_found() -> None:
    """Sparks, rain, a strobe: each frame is as far from the next as from another shot."""
    random = np.random.default_rng(1)
    frames = np.stack([shots([], 1)[0]] * 100)
    dark = random.integers(0, 60, (60, 9, 16, 3)).repeat(6, 1).repeat(6, 2)
    light = random.random((60, 54, 96, 1)) > 0.8
    frames[40:] = np.where(light, 230, dark).astype(np.uint8)
    assert cuts_of(frames) == [40]


def test_a_span_is_judged_by_what_lies_around_it() -> None:
    """What decides about a moment is never more than CONTEXT_MS away from it."""
    cuts = [60, 83, 110, 117, 160]
    frames = shots(cuts, 220)
    held = frames[159].copy()
    for number in range(18):
        frames[160 + number] = mixed(held, frames[160 + number], (number + 1) / 19)
    timed = [(i * FRAME_MS, frame) for i, frame in enumerate(frames)]
    whole = find_cuts(timed)
    assert [cut // FRAME_MS for cut in whole[:4]] == cuts[:4]
    for start_ms in range(CONTEXT_MS, 7_000, 480):
        first, last = start_ms - CONTEXT_MS, start_ms + 480 + CONTEXT_MS
        piece = find_cuts([one for one in timed if first <= one[0] < last])
        inside = [cut for cut in piece if start_ms <= cut < start_ms + 480]
        assert inside == [cut for cut in whole if start_ms <= cut < start_ms + 480]


def test_gray_frames_do_as_well_as_coloured() -> None:
    frames = shots([30, 60], 90)[..., 1]
    assert cuts_of(frames) == [30, 60]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cuts at frames 40, 75 and 120 of 150; key frames at 0 and 125 alone."""
    folder = tmp_path_factory.mktemp("film")
    big = shots([40, 75, 120], 150).repeat(3, axis=1).repeat(3, axis=2)
    fixed = ("-g", "125", "-keyint_min", "125", "-sc_threshold", "0")
    return filmed(folder / "film.mp4", big, *fixed)


def test_a_file_is_read_to_its_cuts(film: Path) -> None:
    assert cuts_in(film) == (1600, 3000, 4800)


def test_a_span_of_a_file_gives_the_same_times(film: Path) -> None:
    assert cuts_in(film, Span(2000, 4000)) == (3000,)
    assert cuts_in(film, Span(4500, 6000)) == (4800,)


def test_a_sound_has_no_cuts(tmp_path: Path) -> None:
    sound = filmed(tmp_path / "hum.wav", None, "-f", "lavfi", "-i", "sine=440:d=1")
    assert cuts_in(sound) == ()


def test_uneven_frame_times_are_kept(tmp_path: Path, film: Path) -> None:
    slower = ("-vf", "setpts=PTS*2", "-fps_mode", "passthrough", "-c:v", "libx264")
    uneven = filmed(tmp_path / "uneven.mkv", None, "-i", str(film), "-an", *slower)
    assert cuts_in(uneven) == (3200, 6000, 9600)
