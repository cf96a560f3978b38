"""A master holds the frames that were asked for: every one of them and no other."""

from itertools import accumulate
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cut import cut_master, frame_times, on_frames
from pipeline.probe import probe
from pipeline.timeline import Span
from tests.media import X264, clicks, made, moving, numbered, numbers, shown_at

FRAMES = 240
UNEVEN = ("-vf", "select='not(mod(n,7))+not(mod(n,3))'", "-fps_mode", "vfr")
SOURCES = {
    "25.mp4": ("25", *X264),
    "ntsc.mp4": ("30000/1001", *X264),
    "film.mkv": ("24000/1001", *X264, "-g", "60"),
    "uneven.mp4": ("60", *X264, *UNEVEN),
    "no_index.ts": ("30000/1001", *X264, "-g", "150"),
    "no_index.flv": ("30", *X264),
    "program.mpg": ("25", "-c:v", "mpeg2video", "-bf", "2", "-b:v", "3M", "-g", "100"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_first_and_the_last_frame_are_the_ones_asked_for(name: str, tmp_path: Path) -> None:
    rate, *coding = SOURCES[name]
    source = numbered(tmp_path / name, FRAMES, rate, *coding)
    about, shown = probe(source), numbers(source)
    times = frame_times(source, about, Span(0, about.duration_ms + 1))
    assert len(times) == len(shown)
    count = len(times)
    for first, after in ((0, 30), (count // 2, count // 2 + 36), (count - 30, count - 1)):
        span = Span(times[first], times[after])
        cut_master(source, about, span, tmp_path / "master.mp4")
        assert numbers(tmp_path / "master.mp4") == shown[first:after], (first, after)


def test_frames_keep_their_distances(tmp_path: Path) -> None:
    source = numbered(tmp_path / "uneven.mp4", FRAMES, "60", *X264, *UNEVEN)
    about = probe(source)
    times = frame_times(source, about, Span(0, about.duration_ms))
    cut_master(source, about, Span(times[20], times[60]), tmp_path / "master.mp4")
    made = frame_times(tmp_path / "master.mp4", probe(tmp_path / "master.mp4"), Span(0, 60_000))
    assert [at - made[0] for at in made] == pytest.approx(
        [at - times[20] for at in times[20:60]], abs=1
    )


@pytest.mark.parametrize("name", ["25.mp4", "no_index.ts"])
def test_sound_stays_with_its_picture(name: str, tmp_path: Path) -> None:
    source = numbered(tmp_path / name, FRAMES, "25", *X264, "-g", "200", clicks_s=2)
    cut_master(source, probe(source), Span(3_400, 7_400), tmp_path / "master.mp4")
    pictures = dict(
        zip(numbers(tmp_path / "master.mp4"), shown_at(tmp_path / "master.mp4"), strict=True)
    )
    assert clicks(tmp_path / "master.mp4") == pytest.approx(
        [pictures[100], pictures[150]], abs=0.002
    )
    assert pictures[100] == pytest.approx(0.6, abs=0.04)


def test_a_master_is_ready_to_stream_and_tells_nothing_of_its_maker(tmp_path: Path) -> None:
    place = ("-metadata", "location=+59.33+018.06/", "-metadata", "artist=Ada")
    source = moving(tmp_path / "private.mp4", *place, "-movflags", "use_metadata_tags")
    cut_master(source, probe(source), Span(1_000, 2_600), tmp_path / "master.mp4")
    data = (tmp_path / "master.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "master.mp4")) as container:
        assert not {"location", "artist", "encoder"} & {name.lower() for name in container.metadata}
    assert b"+59.33" in source.read_bytes()
    assert b"+59.33" not in data


def test_sound_alone_is_cut_to_the_millisecond(tmp_path: Path) -> None:
    source = numbered(tmp_path / "both.mp4", FRAMES, "25", *X264)
    alone = tmp_path / "alone.m4a"
    made(alone, "-i", str(source), "-vn", "-c:a", "copy")
    cut_master(alone, probe(alone), Span(1_500, 4_000), tmp_path / "master.mp4")
    about = probe(tmp_path / "master.mp4")
    assert about.video is None
    assert about.duration_ms == pytest.approx(2_500, abs=25)
    assert clicks(tmp_path / "master.mp4") == pytest.approx([0.5, 1.5], abs=0.002)


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    source, told = moving(tmp_path / "a.mp4"), list[float]()
    cut_master(source, probe(source), Span(0, 3_000), tmp_path / "master.mp4", told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_span_is_moved_onto_frames() -> None:
    times = [0, 40, 80, 120, 160]
    assert on_frames(Span(30, 100), times) == Span(40, 120)
    assert on_frames(Span(40, 120), times) == Span(40, 120)
    assert on_frames(Span(100, 200), times) == Span(120, 200)
    assert on_frames(Span(30, 100), []) == Span(30, 100)


def test_a_span_on_frames_keeps_its_limits() -> None:
    times = [0, 40, 80, 120, 160]
    assert on_frames(Span(10, 130), times, max_ms=120) == Span(40, 160)
    assert on_frames(Span(10, 130), times, max_ms=119) == Span(40, 120)
    assert on_frames(Span(10, 50), times, min_ms=41) == Span(40, 120)
    assert on_frames(Span(10, 90), times, min_ms=100, max_ms=110) == Span(40, 150)


@given(
    steps=st.lists(st.integers(1, 400), min_size=2, max_size=60),
    start=st.floats(0, 1),
    length_ms=st.integers(50, 8_000),
    slack_ms=st.tuples(st.integers(0, 500), st.integers(0, 500)),
)
def test_wherever_the_frames_lie_the_limits_hold(
    steps: list[int], start: float, length_ms: int, slack_ms: tuple[int, int]
) -> None:
    times = list(accumulate(steps, initial=0))
    start_ms = int(start * times[-1])
    least, most = max(1, length_ms - slack_ms[0]), length_ms + slack_ms[1]
    span = on_frames(Span(start_ms, start_ms + length_ms), times, min_ms=least, max_ms=most)
    assert least <= span.length_ms <= most
    assert span.start_ms in times
    if span.end_ms not in times:
        # Past the last frame, or in a picture that stands longer than the limits are apart.
        first, last = span.start_ms + least, span.start_ms + most
        assert span.end_ms >= times[-1] or not any(first <= at <= last for at in times)
