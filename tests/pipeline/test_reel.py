"""A reel is its clips, every frame of them, one after the other."""

from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import reel
from pipeline.cut import cut_master
from pipeline.errors import Refused
from pipeline.probe import probe
from pipeline.timeline import Span
from tests.media import X264, clicks, made, numbered, numbers, shown_at

SPANS = [Span(1_000, 2_400), Span(4_000, 5_000), Span(7_000, 8_200)]
FRAMES = [*range(25, 60), *range(100, 125), *range(175, 205)]
STARTS = [0, 1_400, 2_400]


def nothing(done: float) -> None:
    assert 0 <= done <= 1


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three masters of a recording whose frames carry their numbers and that clicks each second."""
    folder = tmp_path_factory.mktemp("parts")
    source = numbered(folder / "source.mp4", 240, "25", *X264)
    about = probe(source)
    masters = [folder / f"{number}.mp4" for number in range(len(SPANS))]
    for span, master in zip(SPANS, masters, strict=True):
        cut_master(source, about, span, master)
    return masters


def test_every_frame_of_every_clip_in_order_and_no_other(parts: list[Path], tmp_path: Path) -> None:
    made = reel.make(parts, 1, tmp_path, nothing)
    master = Path(made.files["master"])
    assert numbers(master) == FRAMES
    assert (made.starts_ms, made.length_ms) == (STARTS, 3_600)
    assert np.diff(shown_at(master)) == pytest.approx(0.04, abs=0.002)
    assert probe(master).duration_ms == pytest.approx(3_600, abs=60)


def test_sound_stays_with_its_picture(parts: list[Path], tmp_path: Path) -> None:
    """A recording's click at second n is heard where frame 25 n is seen."""
    made = reel.make(parts, 0, tmp_path, nothing)
    master = Path(made.files["master"])
    seen = dict(zip(numbers(master), shown_at(master), strict=True))
    wanted = [seen[number] for number in FRAMES if number % 25 == 0]
    assert clicks(master) == pytest.approx(wanted, abs=0.012)  # its first 12 ms are faded in


def test_a_cut_does_not_click(tmp_path: Path) -> None:
    """Two tones that would meet at their loudest."""
    tone = "aevalsrc=0.8*cos(2*PI*220*t):s=48000:d=1.3"
    parts = [
        made(tmp_path / f"{number}.mp4", "-f", "lavfi", "-i", tone, "-c:a", "aac", "-ac", "2")
        for number in (1, 2)
    ]
    joined = reel.make(parts, 0, tmp_path, nothing)
    with av.open(joined.files["master"]) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    heard = np.concatenate(blocks)
    at = joined.starts_ms[1] * rate // 1000
    step = np.abs(np.diff(heard[at - rate // 50 : at + rate // 50])).max()
    assert step < 0.05, "a click would be a step of its own"
    assert np.abs(heard[at - 300 : at + 300]).min() < 0.01


def test_it_has_a_poster_and_previews_of_its_own(parts: list[Path], tmp_path: Path) -> None:
    made = reel.make(parts, 2, tmp_path, nothing)
    assert set(made.files) == {"master", "poster", "preview", "hover", "storyboard"}
    assert all(Path(path).stat().st_size for path in made.files.values())
    assert (made.width, made.height) == (320, 96)


def test_the_same_clips_give_the_same_bytes(parts: list[Path], tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        reel.make(parts[:2], 0, tmp_path / name, nothing)
    first, second = ((tmp_path / name / "master.mp4").read_bytes() for name in ("first", "second"))
    assert first == second


def test_sound_alone_is_joined_too(tmp_path: Path) -> None:
    parts = [
        made(tmp_path / f"{hz}.mp4", "-f", "lavfi", "-i", f"sine={hz}:d=1.5", "-c:a", "aac")
        for hz in (300, 900)
    ]
    joined = reel.make(parts, 0, tmp_path, nothing)
    assert set(joined.files) == {"master", "poster", "preview"}
    assert (joined.width, joined.height) == (0, 0)
    assert probe(Path(joined.files["master"])).duration_ms == pytest.approx(3_000, abs=100)


def test_picture_and_sound_alone_are_not_joined(parts: list[Path], tmp_path: Path) -> None:
    tone = made(tmp_path / "tone.mp4", "-f", "lavfi", "-i", "sine=d=1.5", "-c:a", "aac")
    with pytest.raises(Refused, match="picture"):
        reel.make([parts[0], tone], 0, tmp_path, nothing)


def test_a_clip_without_sound_is_silent_among_others(parts: list[Path], tmp_path: Path) -> None:
    mute = made(tmp_path / "mute.mp4", "-i", str(parts[1]), "-an", "-c:v", "copy")
    joined = reel.make([parts[0], mute, parts[2]], 0, tmp_path, nothing)
    master = Path(joined.files["master"])
    assert numbers(master) == FRAMES
    assert not [at for at in clicks(master) if 1.42 < at < 2.38]
