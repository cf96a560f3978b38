"""Chunks are encoded each on its own and play one after the other as if they were one."""

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline import ffmpeg
from pipeline.pictures import look
from pipeline.probe import Probe, Video, probe
from pipeline.profiles import CHUNK_MS, SEGMENT_MS, chunk_spans, ladder, size_at
from pipeline.timeline import Span
from pipeline.transcode import PICTURES, chunk_graph, encode_audio, encode_chunk
from tests.media import X264, clicks, filmed, made, moving, numbered, numbers, shots, shown_at

FRAMES = 200
PIECE_MS = 2_020
"""At 23.976 frames a second the chunks' first frames come late by turns, by 24 and by 6 ms."""
UNEVEN = ("-vf", "select='not(mod(n,7))+not(mod(n,3))'", "-fps_mode", "vfr")
SOURCES = {
    "25.mp4": ("25", *X264),
    "film.mp4": ("24000/1001", *X264),
    "ntsc.mkv": ("30000/1001", *X264),
    "uneven.mp4": ("60", *X264, *UNEVEN),
    "no_index.ts": ("30000/1001", *X264, "-g", "200"),
    "no_index.flv": ("30", *X264, "-g", "200"),
}


def boxes_in(data: bytes, kinds: bytes = b"moof traf") -> Iterator[tuple[bytes, bytes]]:
    """All boxes, those inside the named kinds too (ISO/IEC 14496-12)."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        if kind in kinds.split():
            yield from boxes_in(data[at + 8 : at + size], kinds)
        at += size


def presented(path: Path, timescale: int) -> list[float]:
    """When a player shows each frame, in seconds: the decode time plus the signed offset."""
    times: list[float] = []
    every = at = 0
    for kind, body in boxes_in(path.read_bytes()):
        flags = int.from_bytes(body[1:4], "big")
        if kind == b"tfhd":
            skipped = 8 * bool(flags & 1) + 4 * bool(flags & 2)
            every = struct.unpack_from(">I", body, 8 + skipped)[0] if flags & 8 else 0
        elif kind == b"tfdt":
            at = struct.unpack_from(">Q" if body[0] else ">I", body, 4)[0]
        elif kind == b"trun":
            fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
            place = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
            for _ in range(struct.unpack_from(">I", body, 4)[0]):
                values = struct.unpack_from(f">{len(fields)}i", body, place)
                row = dict(zip(fields, values, strict=True))
                times.append((at + row.get(0x800, 0)) / timescale)
                at += row.get(0x100, every)
                place += 4 * len(fields)
    return sorted(times)


def timescale(path: Path) -> int:
    with av.open(str(path)) as container:
        return int(1 / (container.streams.video[0].time_base or 1))


def pieces(source: Path, about: Probe, folder: Path, length_ms: int) -> list[list[dict[str, Any]]]:
    """The whole recording as chunks of `length_ms`, the last one as long as is left."""
    edges = [*range(0, about.duration_ms - 500, length_ms), about.duration_ms]
    encoded = []
    for start, end in pairwise(edges):
        piece = folder / str(start)
        piece.mkdir()
        encoded.append(encode_chunk(source, about, Span(start, end), piece).rungs)
    return encoded


@pytest.mark.parametrize("name", SOURCES)
def test_every_frame_is_in_one_chunk_at_its_own_time(name: str, tmp_path: Path) -> None:
    rate, *coding = SOURCES[name]
    source = numbered(tmp_path / name, FRAMES, rate, *coding)
    with av.open(str(source)) as container:
        zero_s = container.start_time / 1_000_000
    files = [Path(rungs[0]["path"]) for rungs in pieces(source, probe(source), tmp_path, PIECE_MS)]
    assert len(files) > 1
    assert [number for file in files for number in numbers(file)] == numbers(source)
    times = [at for file in files for at in presented(file, timescale(file))]
    wanted = [at - zero_s for at in shown_at(source)]
    assert times == pytest.approx(wanted, abs=0.001)


CUTS = (13, 51, 74, 99, 127, 150, 171)
"""At 25 frames a second a piece begins with frames 50, 100 and 150."""
FILMS = {
    "25.mp4": ("25", "-g", "250", "-sc_threshold", "0"),
    "film.mkv": ("24000/1001", "-g", "40"),
    "uneven.mp4": ("25", "-vf", "select='not(mod(n,7))+not(mod(n,3))'", "-fps_mode", "vfr"),
    "no_index.ts": ("25", "-g", "200"),
    "alone.mov": ("25", "-bf", "0", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "fields.mp4": ("25", "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
}


@pytest.mark.parametrize("name", FILMS)
def test_the_pieces_see_in_passing_what_a_look_at_the_whole_sees(name: str, tmp_path: Path) -> None:
    rate, *coding = FILMS[name]
    frames = shots(CUTS, 200).repeat(2, axis=1).repeat(2, axis=2)
    source = filmed(tmp_path / name, frames, *coding, rate=rate)
    about = probe(source)
    whole = look(source, about=about)
    assert len(whole.cuts) == len(CUTS)
    found: list[int] = []
    seconds: list[Any] = []
    for start, end in pairwise([0, 2_000, 4_000, 6_000, about.duration_ms]):
        chunk = encode_chunk(source, about, Span(start, end), tmp_path)
        found += chunk.cuts
        seconds += chunk.seconds
    assert found == whole.cuts
    assert seconds[: len(whole.seconds)] == whole.seconds
    assert not (tmp_path / PICTURES).exists()


def test_what_is_seen_in_passing_changes_no_byte(tmp_path: Path) -> None:
    """The pictures are read from before the chunk on; the chunk's own frames stay the same."""
    source = moving(tmp_path / "a.mp4", "-g", "50", rate="30", seconds=9)
    about, span = probe(source), Span(4_000, 8_000)
    (rung,) = encode_chunk(source, about, span, tmp_path).rungs
    wanted = [at for at in shown_at(source) if 4 <= round(at, 3) < 8]
    assert presented(Path(rung["path"]), timescale(Path(rung["path"]))) == pytest.approx(wanted)
    alone = tmp_path / "alone"
    alone.mkdir()
    graph = chunk_graph(source, about, span, alone).node.incoming_edge_map
    assert {edge[0].kwargs["filename"] for edge in graph.values()} == {
        ffmpeg.url(alone / "180p.mp4"),
        ffmpeg.url(alone / PICTURES),
    }


def test_a_chunk_begins_with_a_key_frame_and_has_one_every_two_seconds(tmp_path: Path) -> None:
    source = moving(tmp_path / "a.mp4", rate="30", seconds=9)
    (rung,) = encode_chunk(source, probe(source), Span(1_000, 9_000), tmp_path).rungs
    with av.open(rung["path"]) as container:
        keys = [float(p.dts * p.time_base) for p in container.demux(video=0) if p.is_keyframe]
    assert keys == pytest.approx([1, 3, 5, 7], abs=0.034)
    assert [length for _, _, length in rung["segments"]] == pytest.approx([4_000, 4_000], abs=34)


def test_segments_can_be_played_alone(tmp_path: Path) -> None:
    """The initialisation and any one segment make a file that decodes."""
    source = moving(tmp_path / "a.mp4", rate="30", seconds=9)
    (rung,) = encode_chunk(source, probe(source), Span(0, 9_000), tmp_path).rungs
    data = Path(rung["path"]).read_bytes()
    counts = []
    for offset, size, _ in rung["segments"]:
        alone = tmp_path / "alone.mp4"
        alone.write_bytes(data[: rung["init_size"]] + data[offset : offset + size])
        counts.append(len(shown_at(alone)))
    assert counts == [120, 120, 30]
    assert rung["codecs"].startswith("avc1.")
    assert rung["bandwidth"] == max(size * 8000 // ms for _, size, ms in rung["segments"])


@pytest.mark.parametrize(
    ("size", "turned", "wanted"),
    [
        ("1920x1080", 0, {"720p": (1280, 720), "360p": (640, 360)}),
        ("640x360", 0, {"360p": (640, 360)}),
        ("320x180", 0, {"180p": (320, 180)}),
        ("202x202", 0, {"202p": (202, 202)}),
        ("360x640", 0, {"360p": (360, 640)}),
        ("640x360", 90, {"360p": (360, 640)}),
        ("1280x720", 270, {"720p": (720, 1280), "360p": (360, 640)}),
        ("1280x720", 180, {"720p": (1280, 720), "360p": (640, 360)}),
    ],
)
def test_no_rung_is_above_its_source_and_none_lies_on_its_side(
    size: str, turned: int, wanted: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    plain = moving(tmp_path / "plain.mp4", size=size, rate="10", seconds=1.2)
    turn = ("-display_rotation", str(turned), "-i", str(plain), "-c", "copy")
    source = made(tmp_path / "turned.mp4", *turn)
    rungs = encode_chunk(source, probe(source), Span(0, 1_200), tmp_path).rungs
    assert {rung["rung"]: (rung["width"], rung["height"]) for rung in rungs} == wanted
    for rung in rungs:
        with av.open(rung["path"]) as container:
            made_of = next(container.decode(video=0))
            assert (made_of.width, made_of.height) == wanted[rung["rung"]]
            assert not made_of.rotation


def test_a_rotated_picture_stands_upright(tmp_path: Path) -> None:
    """White above black, filmed with the camera on its side."""
    upright = "color=white:s=180x320:r=10:d=1.2,drawbox=y=160:h=160:color=black:t=fill"
    plain = made(tmp_path / "plain.mp4", "-f", "lavfi", "-i", f"{upright},transpose=1", *X264)
    source = made(
        tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(plain), "-c", "copy"
    )
    (rung,) = encode_chunk(source, probe(source), Span(0, 1_200), tmp_path).rungs
    with av.open(rung["path"]) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    assert picture.shape == (320, 180)
    assert picture[:140].mean() > 200
    assert picture[180:].mean() < 40


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    source = moving(tmp_path / "dv.mp4", "-vf", "setsar=16/11", size="352x288", seconds=1.2)
    (rung,) = encode_chunk(source, probe(source), Span(0, 1_200), tmp_path).rungs
    assert (rung["width"], rung["height"]) == (512, 288)


def test_past_the_last_frame_there_is_nothing(tmp_path: Path) -> None:
    """A copy that broke off: its header tells of more than is there."""
    source = moving(tmp_path / "whole.mp4", "-movflags", "+faststart", seconds=20)
    about = probe(source)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    first, last = tmp_path / "first", tmp_path / "last"
    first.mkdir()
    last.mkdir()
    assert encode_chunk(source, about, Span(0, 4_000), first).rungs
    assert encode_chunk(source, about, Span(16_000, 20_000), last) == ([], [], [])


def test_sound_stays_where_it_was_and_begins_at_zero(tmp_path: Path) -> None:
    source = numbered(tmp_path / "a.mp4", 250, "25", *X264)
    described = encode_audio(source, probe(source), tmp_path)
    path = Path(described["path"])
    bases = [body for kind, body in boxes_in(path.read_bytes()) if kind == b"tfdt"]
    assert struct.unpack_from(">Q" if bases[0][0] else ">I", bases[0], 4)[0] == 0
    assert clicks(path) == pytest.approx(range(1, 10), abs=0.002)
    assert sum(length for _, _, length in described["segments"]) == 10_000


def test_late_sound_is_preceded_by_silence(tmp_path: Path) -> None:
    plain = numbered(tmp_path / "a.mp4", 100, "25", *X264)
    late = ("-i", str(plain), "-itsoffset", "1.5", "-i", str(plain), "-map", "0:v", "-map", "1:a")
    source = made(tmp_path / "late.mkv", *late, "-c", "copy")
    described = encode_audio(source, probe(source), tmp_path)
    assert clicks(Path(described["path"])) == pytest.approx([1.5, 2.5, 3.5, 4.5], abs=0.025)


def test_a_damaged_recording_is_encoded_as_far_as_it_goes(tmp_path: Path) -> None:
    """Its decoder complains more than a pipe holds, and somebody watches the progress."""
    slices = ("-x264-params", "slices=16", "-g", "10", "-crf", "18")
    source = moving(tmp_path / "a.mp4", *slices, rate="30", size="320x256", seconds=20)
    about = probe(source)
    data = bytearray(source.read_bytes())
    for at in np.random.default_rng(1).integers(50_000, data.index(b"moov") - 8, len(data) // 300):
        data[at] ^= 0xFF
    source.write_bytes(data)
    bare = [ffmpeg.binary(), "-v", "error", "-i", str(source), "-map", "0:v", "-f", "null", "-"]
    complaints = subprocess.run(bare, check=False, capture_output=True).stderr
    assert len(complaints) > 1 << 17
    told: list[float] = []
    ((rung,), _, _) = encode_chunk(source, about, Span(0, 20_000), tmp_path, told.append)
    assert told[-1] == 1.0
    assert len(shown_at(Path(rung["path"]))) > 100


def test_the_last_chunk_is_never_a_sliver() -> None:
    for duration_ms in (1_000, CHUNK_MS, CHUNK_MS + 1, 2 * CHUNK_MS + SEGMENT_MS, 10_000_001):
        spans = chunk_spans(Probe("mov", duration_ms, None, None))
        assert spans[0][0] == 0
        assert spans[-1][1] == duration_ms
        assert all(before[1] == after[0] for before, after in pairwise(spans))
        assert min(end - start for start, end in spans) >= min(SEGMENT_MS, duration_ms)


def test_odd_sizes_become_even() -> None:
    video = Video(0, "h264", 641, 361, 25, 0, "yuv420p", 0)
    assert size_at(video, 360) == (638, 360)
    assert size_at(video, 4320) == (640, 360)
    assert ladder(replace(video, width=200, height=101))[0].height == 100


def test_only_the_named_file_is_opened() -> None:
    assert ffmpeg.url("concat:a|b.mp4").endswith("/concat:a|b.mp4")
    assert ffmpeg.url("-i.mp4").startswith("file:/")
