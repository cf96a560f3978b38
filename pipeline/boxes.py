"""Read the box structure of a fragmented MP4 that we made (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"moof", b"traf"))


@dataclass(frozen=True, slots=True)
class Fragment:
    offset: int
    size: int
    start: int
    """In the track's time scale."""


@dataclass(frozen=True, slots=True)
class Fragmented:
    init_size: int
    timescale: int
    fragments: tuple[Fragment, ...]

    def segments(self, length_ms: int, end_ms: int) -> list[list[int]]:
        """[offset, size, duration_ms] of runs of about `length_ms`; the last ends at `end_ms`."""
        runs: list[list[int]] = []
        for fragment in self.fragments:
            start_ms = round(fragment.start * 1000 / self.timescale)
            if runs and start_ms - runs[-1][2] < length_ms - 40:
                runs[-1][1] += fragment.size
            else:
                runs.append([fragment.offset, fragment.size, start_ms])
        starts = [run[2] for run in runs] + [end_ms]
        return [
            [offset, size, max(1, after - start)]
            for (offset, size, start), after in zip(runs, starts[1:], strict=True)
        ]


def read(path: Path) -> Fragmented:
    init_size, timescale, fragments = 0, 1, []
    with path.open("rb") as file:
        for kind, offset, size in _top_level(path):
            if kind in (b"ftyp", b"moov"):
                init_size = offset + size
            if kind == b"moov":
                file.seek(offset + 8)
                timescale = _timescale(file.read(size - 8))
            if kind == b"moof":
                file.seek(offset + 8)
                fragments.append([offset, size, _decode_time(file.read(size - 8))])
            if kind == b"mdat" and fragments:
                fragments[-1][1] = offset + size - fragments[-1][0]
    return Fragmented(init_size, timescale, tuple(Fragment(*values) for values in fragments))


def _top_level(path: Path) -> Iterator[tuple[bytes, int, int]]:
    length = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset + 8 <= length:
            file.seek(offset)
            size, kind = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = struct.unpack(">Q", file.read(8))[0]
            if size < 8:
                return
            yield kind, offset, size
            offset += size


def _inside(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        if size < 8:
            return
        body = data[offset + 8 : offset + size]
        yield kind, body
        if kind in CONTAINERS:
            yield from _inside(body)
        offset += size


def _timescale(moov: bytes) -> int:
    body = next(body for kind, body in _inside(moov) if kind == b"mdhd")
    return int(struct.unpack_from(">I", body, 20 if body[0] else 12)[0])


def _decode_time(moof: bytes) -> int:
    body = next(body for kind, body in _inside(moof) if kind == b"tfdt")
    return int(struct.unpack_from(">Q" if body[0] else ">I", body, 4)[0])


def video_codec(path: Path) -> str:
    """RFC 6381 name of an H.264 track, "avc1.64001f"; empty where there is none."""
    with path.open("rb") as file:
        for kind, offset, size in _top_level(path):
            if kind == b"moov":
                file.seek(offset)
                head = file.read(size)
                at = head.find(b"avcC")
                return f"avc1.{head[at + 5 : at + 8].hex()}" if at > 0 else ""
    return ""
