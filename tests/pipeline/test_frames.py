"""What packets and a few looks tell of motion, however a recording is coded."""

from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.frames import Glimpses, activity, first_picture, small_frames, start_s
from pipeline.probe import open_media, prepare
from pipeline.timeline import Span
from tests.media import bursts, filmed, made, shots

SECONDS = 40
BUSY = (24, 25, 26, 33, 34)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
MJPEG = ("-bf", "0", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4")
CODED = {
    "fixed GOP": ("mp4", *X264, "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"),
    "10 s GOP": ("mp4", *X264, "-g", "250", "-sc_threshold", "0"),
    "no index": ("ts", *X264, "-g", "50"),
    "10 bit": ("mkv", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    "interlaced": ("mp4", *X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
    "variable rate": ("mp4", *X264, "-vf", "select='not(mod(n,7))+not(mod(n,3))'"),
    "portrait": ("mp4", *X264, "-vf", "transpose=1"),
    "MPEG-2": ("mpg", "-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "4"),
    "all frames alone": ("mov", *MJPEG),
    "x264 all intra": ("mp4", *X264, "-g", "1"),
    "constant rate": (
        *("ts", *X264, "-g", "100", "-b:v", "2M", "-minrate", "2M", "-maxrate", "2M"),
        *("-bufsize", "2M", "-x264-params", "nal-hrd=cbr:force-cfr=1"),
    ),
}


def glimpsed(path: Path) -> Glimpses:
    """As the scout passes over a file."""
    with open_media(path) as container:
        glimpses = Glimpses(start_s(container))
        picture = prepare(first_picture(container))
        picture.codec_context.skip_frame = "NONKEY"
        for packet in container.demux(picture):
            glimpses.add(packet)
    return glimpses


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return bursts(SECONDS, BUSY)


@pytest.mark.parametrize("name", CODED)
def test_bursts_of_motion_stand_out_however_they_are_coded(
    name: str, tmp_path: Path, pictures: np.ndarray
) -> None:
    suffix, *coding = CODED[name]
    path = filmed(tmp_path / f"match.{suffix}", pictures, *coding, "-fps_mode", "vfr")
    curve = activity(glimpsed(path), SECONDS)
    assert curve[[24, 25, 26, 33, 34]].min() > 0.3, curve
    calm = [s for s in range(SECONDS) if min(abs(s - busy) for busy in BUSY) >= 2]
    assert curve[calm].max() < 0.1, curve


def test_a_rotated_match_is_the_same_match(tmp_path: Path, pictures: np.ndarray) -> None:
    plain = filmed(tmp_path / "plain.mp4", pictures, *X264)
    turn = ("-display_rotation", "90", "-i", str(plain), "-c", "copy")
    turned = made(tmp_path / "turned.mp4", *turn)
    assert np.array_equal(activity(glimpsed(turned), SECONDS), activity(glimpsed(plain), SECONDS))


@pytest.mark.parametrize("coding", [X264, MJPEG, (*X264, "-b:v", "2M", "-g", "50")])
def test_a_still_picture_does_nothing(coding: tuple[str, ...], tmp_path: Path) -> None:
    still = np.repeat(bursts(1, ())[:1], 20 * 25, axis=0)
    path = filmed(tmp_path / "still.mkv", still, *coding)
    assert activity(glimpsed(path), 20).max() == 0


def test_few_frames_are_decoded(tmp_path: Path, pictures: np.ndarray) -> None:
    inter = glimpsed(filmed(tmp_path / "a.mp4", pictures, *X264, "-g", "25"))
    alone = glimpsed(filmed(tmp_path / "b.mp4", pictures, *X264, "-g", "1"))
    assert inter.moved == []
    assert len(alone.moved) <= 1.3 * SECONDS


class Packet(bytes):
    """A packet with a stamp of one's own: no encoder writes such files on request."""

    time_base, is_keyframe = 0.001, False
    pts: int | None


def stamped(pts: int | None) -> Packet:
    packet = Packet(700)
    packet.pts = pts
    return packet


def test_false_stamps_make_no_hours() -> None:
    glimpses = Glimpses(0.0, longest_ms=10_000)
    for pts in (0, 40, None, 80, 95_443_717, -7_000_000, 120, 60, 9_000):
        glimpses.add(stamped(pts))
    assert glimpses.last_ms == 9_000
    assert set(glimpses.bytes_per_s) == {0, 9}


def test_what_can_not_be_decoded_is_passed_over(tmp_path: Path) -> None:
    path = filmed(tmp_path / "whole.ts", shots([30], 100), "-g", "25")
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    path.write_bytes(data)
    assert 20 < len(list(small_frames(path))) < 100
    assert glimpsed(path).last_ms > 3_000


@pytest.mark.parametrize("name", ["film.ts", "film.mpg", "film.mp4", "film.mkv"])
def test_a_span_is_whole_wherever_its_key_frame_lies(name: str, tmp_path: Path) -> None:
    """Without an index a seek ends anywhere: what follows can't be decoded up to a key frame."""
    coding = ("-c:v", "mpeg2video") if name.endswith("mpg") else ()
    path = filmed(tmp_path / name, shots([], 500), *coding, "-g", "100", "-bf", "2")
    everything = [time_ms for time_ms, _ in small_frames(path)]
    assert len(everything) == 500
    span = Span(14_500, 15_300)
    wanted = [time_ms for time_ms in everything if 14_500 <= time_ms < 15_300]
    assert [time_ms for time_ms, _ in small_frames(path, span)] == wanted


def test_a_picture_stands_upright(tmp_path: Path) -> None:
    """White above black, filmed with the camera on its side."""
    upright = "color=white:s=180x320:r=10:d=1.2,drawbox=y=160:h=160:color=black:t=fill"
    plain = made(tmp_path / "plain.mp4", "-f", "lavfi", "-i", f"{upright},transpose=1", *X264)
    turned = made(
        tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(plain), "-c", "copy"
    )
    picture = next(picture for _, picture in small_frames(turned))
    assert picture.shape == (54, 96, 3)
    assert picture[:24].mean() > 200
    assert picture[30:].mean() < 40


def test_a_reader_that_stops_leaves_no_ffmpeg(tmp_path: Path) -> None:
    frames = small_frames(filmed(tmp_path / "film.mp4", shots([], 300)))
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # a generator
    assert list(frames) == []


def test_times_are_the_frames_own(tmp_path: Path) -> None:
    uneven = filmed(
        tmp_path / "uneven.mp4",
        shots([], 200),
        *("-vf", "select='not(mod(n,7))+not(mod(n,3))'", "-fps_mode", "vfr"),
    )
    with av.open(str(uneven)) as container:
        shown = [round(float(frame.time or 0) * 1000) for frame in container.decode(video=0)]
    assert [time_ms for time_ms, _ in small_frames(uneven)] == shown
