"""What is taken as a recording, and what a creator reads where it is not."""

import io
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import Refused
from pipeline.probe import Probe, open_media, probe, sniff
from tests.media import X264, made, moving

MISSING = Path(__file__).parent / "no such file.mp4"


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("match.mp4", b"\0" * 4096)
    return data.getvalue()


def picture() -> bytes:
    return cv2.imencode(".png", np.zeros((90, 160, 3), np.uint8))[1].tobytes()


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty.mp4": (b"", "empty"),
    "notes.mp4": (b"Goal in minute 12, and a save.\n" * 40, "is text"),
    "umlaut.mp4": ("Grüße aus dem Stadion \N{SOCCER BALL}\n".encode() * 40, "is text"),
    "page.mp4": (b"<!DOCTYPE html><html><body>404</body></html>" * 40, "web page"),
    "match.zip.mp4": (zipped(), "ZIP archive"),
    "poster.mp4": (picture(), "still picture"),
    "paper.mp4": (b"%PDF-1.7\n" + b"\0" * 2000, "PDF"),
    "game.mp4": (b"\x7fELF" + b"\0" * 2000, "program"),
    "neighbour.mp4": (b"ffconcat version 1.0\nfile 'secret.mp4'\n", "playlist"),
    "stream.mp4": (b"#EXTM3U\n#EXTINF:10,\nsecret.mp4\n", "playlist"),
    "session.mp4": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "stream description"),
    "zeros.mp4": (b"\0" * 100_000, "can't be opened"),
    "stub.mp4": (box(b"ftyp", b"isom\0\0\0\0"), "too small"),
    "noise.mp4": (np.random.default_rng(7).bytes(200_000), "can't be opened"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_recording_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    data, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Refused, match=reason) as refusal:
        probe(tmp_path / name)
    assert str(refusal.value).endswith(".")
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'secret.mp4'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>secret.mp4</BaseURL></Period></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=secret.mp4\n",
    ],
    ids=["ffconcat", "m3u8", "mpd", "sdp"],
)
def test_a_playlist_never_opens_its_neighbour(text: str, tmp_path: Path) -> None:
    """Not even past the look at its first bytes: the container layer takes no playlist."""
    moving(tmp_path / "secret.mp4")
    for name in ("list.mp4", "list.m3u8", "list.ffconcat", "list.mpd", "list.sdp"):
        (tmp_path / name).write_text(text)
        with pytest.raises(Refused):
            open_media(tmp_path / name)


def test_a_copy_that_broke_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = moving(tmp_path / "a.mp4")
    data = path.read_bytes()
    assert data.index(b"moov") > data.index(b"mdat")
    path.write_bytes(data[: data.index(b"moov") - 200])
    with pytest.raises(Refused, match="cut off"):
        probe(path)


def test_a_header_of_60000_by_60000_is_refused(tmp_path: Path) -> None:
    """In the file's header and in each frame's."""
    size, huge = struct.pack(">HH", 300, 300), struct.pack(">HH", 60_000, 60_000)
    path = square(tmp_path / "huge.mp4", "mjpeg")
    assert path.read_bytes().count(size) > 50
    path.write_bytes(path.read_bytes().replace(size, huge))
    with pytest.raises(Refused, match="too large"):
        probe(path)


def test_frames_larger_than_any_camera_makes_are_refused(tmp_path: Path) -> None:
    large = ("-f", "lavfi", "-i", "color=gray:s=9000x5000:r=1:d=2", "-c:v", "mjpeg")
    with pytest.raises(Refused, match="9000x5000"):
        probe(made(tmp_path / "large.mp4", *large))


def test_a_container_that_lies_about_the_size_is_not_believed(tmp_path: Path) -> None:
    path = square(tmp_path / "a.mp4", *X264[1:])
    data = path.read_bytes()
    at = data.index(b"avc1", data.index(b"stsd")) + 28
    path.write_bytes(data[:at] + struct.pack(">HH", 60_000, 60_000) + data[at + 4 :])
    video = probe(path).video
    assert video is not None
    assert (video.width, video.height) == (300, 300)


def square(path: Path, *codec: str) -> Path:
    return made(path, "-f", "lavfi", "-i", "testsrc2=s=300x300:r=25:d=2", "-c:v", *codec)


def test_a_sound_without_a_picture_is_a_recording(tmp_path: Path) -> None:
    for name in ("talk.wav", "talk.m4a", "talk.mp3", "talk.ogg", "talk.flac", "talk.mp4"):
        tone = ("-f", "lavfi", "-i", "sine=440:d=2:r=44100")
        about = probe(made(tmp_path / name, *tone))
        assert about.video is None, name
        assert about.audio is not None, name
        assert about.audio.sample_rate in (44_100, 48_000)
        assert about.duration_ms == pytest.approx(2_000, abs=60), name


def test_a_song_with_a_cover_has_no_picture(tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(picture())
    tone = ("-f", "lavfi", "-i", "sine=440:d=2", "-i", str(tmp_path / "cover.png"))
    cover = ("-map", "0", "-map", "1", "-disposition:v:0", "attached_pic", "-c:v", "png")
    about = probe(made(tmp_path / "song.mp3", *tone, *cover))
    assert about.video is None
    assert about.audio is not None


def test_a_picture_without_sound_is_a_recording(tmp_path: Path) -> None:
    picture_alone = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=2")
    about = probe(made(tmp_path / "silent.mp4", *picture_alone, *X264))
    assert about.audio is None
    assert about.video is not None
    assert about.video.fps == pytest.approx(29.97, abs=0.01)
    assert Probe.from_dict(about.as_dict()) == about


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_the_size_is_the_one_that_is_shown(turned: int, tmp_path: Path) -> None:
    plain = moving(tmp_path / "plain.mp4", "-vf", "setsar=4/3", size="240x180", seconds=1.2)
    turn = ("-display_rotation", str(turned), "-i", str(plain), "-c", "copy")
    video = probe(made(tmp_path / "turned.mp4", *turn)).video
    assert video is not None
    upright = turned in (0, 180)
    assert (video.width, video.height) == ((320, 180) if upright else (180, 320))


def test_too_short_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"0\.6 s long"):
        probe(moving(tmp_path / "blink.mp4", seconds=0.6))


def test_more_than_32_streams_are_refused(tmp_path: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=440:d=1.2:r=8000", "-c:a", "pcm_s16le")
    with pytest.raises(Refused, match="more than 32 streams"):
        probe(made(tmp_path / "many.mkv", *tone, *("-map", "0") * 33))


NAMES = (
    "two\nlines.mp4",
    "\N{SOCCER BALL} goal!.mp4",
    "-i.mp4",
    "concat:a|b.mp4",
    "a b'c\"d.mp4",
    "http:host.mp4",
    "%05d.mp4",
    "file:x.mp4",
    "x.m3u8",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    moving(tmp_path / "plain.mp4").rename(tmp_path / name)
    assert probe(Path(name)).duration_ms == pytest.approx(3_000, abs=50)
    assert probe(tmp_path / name).video is not None


def test_damage_inside_does_not_end_the_process(tmp_path: Path) -> None:
    """In a process of its own, as it runs; what is wrong is said by Refused or not at all."""
    whole = moving(tmp_path / "whole.mkv").read_bytes()
    random, paths = np.random.default_rng(3), []
    for number in range(20):
        data = bytearray(whole)
        for at in random.integers(0, len(data), 200):
            data[at] = random.integers(256)
        paths.append(tmp_path / f"{number}.mkv")
        paths[-1].write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from pipeline.probe import *\n"
        "for name in sys.argv[1:]:\n"
        "  try: probe(Path(name))\n"
        "  except Refused: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-500:]


def test_the_first_bytes_of_recordings_are_let_through(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts", "a.mov", "a.flv"):
        assert sniff(moving(tmp_path / name, seconds=1.2).read_bytes()[:4096]) == ""


def test_a_file_that_is_gone_is_no_refusal() -> None:
    """The disk may come back."""
    with pytest.raises(FileNotFoundError):
        probe(MISSING)
