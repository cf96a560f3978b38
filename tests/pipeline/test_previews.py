"""What everybody may see of a clip: marked everywhere, small, and the same bytes each time."""

from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catalog import media
from pipeline import previews, stills
from pipeline.frames import decoded
from pipeline.probe import Video, open_media, probe
from pipeline.profiles import POSTER_WIDTH
from tests.media import X264, clicks, made, moving, numbered, wav

AAC = ("-c:a", "aac")
GRAY = 120


def plain(path: Path, size: str, level: int, seconds: float = 2) -> Path:
    """Nothing but one gray: whatever else is seen in its preview is the mark."""
    colour = f"color=0x{level:02x}{level:02x}{level:02x}:s={size}:r=25:d={seconds}"
    tone = f"sine=440:r=48000:d={seconds}"
    return made(path, "-f", "lavfi", "-i", colour, "-f", "lavfi", "-i", tone, *X264, *AAC)


def pictures(path: str) -> list[NDArray[np.uint8]]:
    with open_media(Path(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="gray") for frame in decoded(container, stream)]


def sound(path: str) -> tuple[NDArray[np.float64], int]:
    with av.open(path) as container:
        stream = container.streams.audio[0]
        blocks = [frame.to_ndarray().mean(axis=0) for frame in container.decode(stream)]
        return np.concatenate(blocks).astype(np.float64), stream.rate


def kinds(files: dict[str, str]) -> list[str]:
    return sorted(files)


@pytest.mark.parametrize("level", [20, GRAY, 235])
@pytest.mark.parametrize(("size", "shown"), [("1280x720", (640, 360)), ("540x960", (202, 360))])
def test_every_part_of_every_frame_is_marked(
    tmp_path: Path, level: int, size: str, shown: tuple[int, int]
) -> None:
    master = plain(tmp_path / "master.mp4", size, level, 1.2)
    frames = pictures(previews.make(master, tmp_path, peak_ms=500)["preview"])
    portrait = shown[0] < shown[1]
    height, width = frames[0].shape
    assert (width, height) == ((360, 640) if portrait else (640, 360))
    for frame in (frames[0], frames[len(frames) // 2], frames[-1]):
        # A crop of a third each way keeps a mark, wherever it is taken.
        for row, column in product(range(5), range(5)):
            top, left = row * height // 7, column * width // 7
            crop = frame[top : top + height * 3 // 7, left : left + width * 3 // 7].astype(int)
            seen = (np.abs(crop - int(np.median(crop))) > 12).mean()
            assert seen > 0.01, (row, column, seen)
        assert abs(int(np.median(frame)) - level) < 12, "most of the picture can be judged"


def test_a_preview_is_small_and_its_sound_dull(tmp_path: Path) -> None:
    tones = "aevalsrc=0.2*sin(2*PI*1000*t)+0.2*sin(2*PI*7000*t)|0.2*sin(2*PI*1000*t):s=48000:d=2"
    picture = "testsrc2=s=1280x720:r=50:d=2,noise=alls=30:allf=t"
    master = made(
        tmp_path / "busy.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tones, *X264, *AAC),
    )
    files = previews.make(master, tmp_path, peak_ms=1_000)
    about = probe(Path(files["preview"]))
    assert about.video is not None
    assert about.audio is not None
    assert (about.video.width, about.video.height) == (640, 360)
    assert about.video.fps <= 31
    assert about.duration_ms == pytest.approx(2_000, abs=80)
    assert Path(files["preview"]).stat().st_size * 8 / 2 < 700_000, "bits a second, of pure noise"
    assert about.audio.channels == 1
    heard, rate = sound(files["preview"])
    spectrum = np.abs(np.fft.rfft(heard[:rate]))
    hz = np.fft.rfftfreq(rate, 1 / rate)
    low, high = spectrum[(hz > 900) & (hz < 1_100)].max(), spectrum[hz > 4_500].max()
    assert high < low / 20


def test_hover_is_silent_short_and_light(tmp_path: Path) -> None:
    picture = "testsrc2=s=640x360:r=25:d=4,noise=alls=40:allf=t"
    master = made(tmp_path / "busy.mp4", "-f", "lavfi", "-i", picture, *X264)
    hover = Path(previews.make(master, tmp_path, peak_ms=3_000)["hover"])
    about = probe(hover)
    assert about.video is not None
    assert about.audio is None
    assert (about.video.width, about.video.height) == (320, 180)
    assert 3_000 <= about.duration_ms <= 4_000
    assert hover.stat().st_size <= 150_000, "of pure noise"
    data = hover.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_hover_shows_the_seconds_around_the_peak(tmp_path: Path) -> None:
    """The picture is dark but for the fifth second of eight."""
    light = "color=black:s=320x180:r=25:d=8,drawbox=color=white:t=fill:enable='between(t,5,6)'"
    master = made(tmp_path / "light.mp4", "-f", "lavfi", "-i", light, *X264)
    for peak_ms, bright in ((5_500, True), (1_000, False), (0, False), (8_000, True)):
        frames = pictures(previews.make(master, tmp_path, peak_ms=peak_ms)["hover"])
        assert (max(np.median(frame) for frame in frames) > 180) == bright, peak_ms


def test_tiles_show_the_middle_of_their_part(tmp_path: Path) -> None:
    """Frame n of 100 is as light as n: a tile's light tells its time."""
    ramp = "nullsrc=s=320x180:r=25:d=4,geq=lum='16+2*N':cb=128:cr=128"
    master = made(tmp_path / "ramp.mp4", "-f", "lavfi", "-i", ramp, *X264, "-pix_fmt", "yuv420p")
    sheet = cv2.imread(previews.make(master, tmp_path, peak_ms=0)["storyboard"])
    assert sheet is not None
    width, height = previews.TILE
    rows = previews.TILES // previews.COLUMNS
    assert sheet.shape == (height * rows, width * previews.COLUMNS, 3)
    for number in range(previews.TILES):
        x, y = number % previews.COLUMNS * width, number // previews.COLUMNS * height
        light = float(np.median(sheet[y : y + height, x : x + width]))
        shown_ms = light / 255 * 219 / 2 * 40
        middle_ms = (number + 0.5) * 4_000 / previews.TILES
        assert shown_ms == pytest.approx(middle_ms, abs=120), number


def test_the_catalogue_counts_on_the_same_sheet() -> None:
    ours = (previews.TILES, previews.COLUMNS, previews.TILE)
    assert ours == (media.TILES, media.COLUMNS, media.TILE)


def test_sound_alone_has_a_tone_in_it_and_no_pictures(tmp_path: Path) -> None:
    silence = wav(tmp_path / "room.wav", np.zeros(16_000 * 9))
    master = made(tmp_path / "master.mp4", "-i", str(silence), *AAC)
    files = previews.make(master, tmp_path, peak_ms=4_000)
    assert kinds(files) == ["preview"]
    heard, rate = sound(files["preview"])
    second = [float(np.abs(heard[at * rate : (at + 1) * rate]).max()) for at in range(9)]
    assert [at for at, level in enumerate(second) if level > 0.01] == [0, 4, 8]
    assert max(second) < 0.1, "soft"


def test_sound_stays_with_its_picture(tmp_path: Path) -> None:
    master = numbered(tmp_path / "master.mp4", 100, "25", *X264, *AAC, clicks_s=2)
    files = previews.make(master, tmp_path, peak_ms=0)
    loud = clicks_of(files["preview"])
    assert loud == pytest.approx(clicks(master), abs=0.03)


def clicks_of(path: str) -> list[float]:
    heard, rate = sound(path)
    over = np.flatnonzero(np.abs(heard) > 0.05) / rate
    return [float(at) for i, at in enumerate(over) if i == 0 or at - over[i - 1] > 0.5]


def test_the_same_master_gives_the_same_bytes(tmp_path: Path) -> None:
    master = moving(tmp_path / "master.mp4", *AAC, size="640x360")
    first, second = (tmp_path / name for name in ("first", "second"))
    for folder in (first, second):
        folder.mkdir()
        previews.make(master, folder, peak_ms=1_000)
    for name in ("preview.mp4", "hover.mp4", "storyboard.jpg"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_picture_that_stands_fills_its_whole_preview(tmp_path: Path) -> None:
    still = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-vf", "select='eq(n,0)+eq(n,1)'")
    tone = ("-f", "lavfi", "-i", "sine=440:d=3")
    master = made(tmp_path / "slide.mp4", *still[:4], *tone, *still[4:], "-fps_mode", "vfr", *X264)
    files = previews.make(master, tmp_path, peak_ms=1_500)
    assert probe(Path(files["preview"])).duration_ms == pytest.approx(3_000, abs=100)
    sheet = cv2.imread(files["storyboard"])
    assert sheet is not None
    assert sheet[100:, 660:].std() > 20, "the last tile is no empty one"


@given(st.integers(2, 8192), st.integers(2, 8192))
def test_a_preview_keeps_its_shape_and_its_bounds(width: int, height: int) -> None:
    video = Video(0, "h264", width, height, 25.0, 0, "yuv420p", 0)
    w, h = previews.size(video)
    assert w % 2 == h % 2 == 0
    assert max(w, h) <= 640
    assert min(w, h) <= 360
    assert w <= max(2, width)
    assert h <= max(2, height)
    if min(w, h) > 20:
        assert w / h == pytest.approx(width / height, rel=0.12)


def test_an_older_poster_is_made_smaller_once(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jpg", tmp_path / "new.jpg"
    cv2.imwrite(str(old), np.full((720, 1280, 3), GRAY, np.uint8))
    assert stills.shrink(old, new)
    shrunk = cv2.imread(str(new))
    assert shrunk is not None
    assert shrunk.shape == (360, POSTER_WIDTH, 3)
    assert not stills.shrink(new, tmp_path / "none.jpg")
    assert not (tmp_path / "none.jpg").exists()


def test_nothing_private_comes_into_a_preview(tmp_path: Path) -> None:
    place = ("-metadata", "location=+59.33+018.06/", "-movflags", "use_metadata_tags")
    master = moving(tmp_path / "private.mp4", *AAC, *place, seconds=1.2)
    assert b"+59.33" in master.read_bytes()
    for path in previews.make(master, tmp_path, peak_ms=0).values():
        assert b"+59.33" not in Path(path).read_bytes()
