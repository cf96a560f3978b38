"""What C2PA's own hashes leave open, closed, so that no changed byte goes unseen.

In an MP4 `c2pa.hash.bmff` leaves out `ftyp`, `free`, `skip`, `mfra` and the manifest's box. In the
manifest, of an MP4 or a JPEG, nothing covers the headers of its outer boxes and the zeros that pad
the signature.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LEFT_OUT = frozenset({b"ftyp", b"free", b"skip", b"mfra"})
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_PURPOSE = bytes(4) + b"manifest\0" + bytes(8)
"""Version and flags, what the box holds, and the offset of a Merkle box, of which we write none."""
_JPEG_PIECE = b"JP\x02\x11"
_ISO_TYPE = re.escape(bytes.fromhex("00110010800000aa00389b71"))
_DESCRIPTION = re.compile(
    rb"(?:c2pa%b\x03c2pa\0|c2ma%b\x03urn:c2pa:[0-9a-f-]{36}\0|c2as%b\x03c2pa\.assertions\0"
    rb"|c2cl%b\x03c2pa\.claim\.v2\0|c2cs%b\x03c2pa\.signature\0)\Z|(?:cbor|json)%b[\x03\x13]"
    % ((_ISO_TYPE,) * 6)
)
"""Type, flags and label of a box. An assertion's (cbor, json) label is in the claim's hashes."""
_PIECE = 1 << 20


def rest_sha256(path: Path) -> str:
    """Over the whole top-level boxes that the hash leaves out, in their order."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for kind, start, size in _top_level(file):
            if kind in _LEFT_OUT:
                file.seek(start)
                left = size
                while left > 0 and (piece := file.read(min(left, _PIECE))):
                    digest.update(piece)
                    left -= len(piece)
    return digest.hexdigest()


def is_canonical(path: Path) -> bool:
    """Whether what surrounds the signed parts of the manifest is to the byte as we write it."""
    with path.open("rb") as file:
        store = _in_jpeg(file) if file.read(2) == b"\xff\xd8" else _in_mp4(file)
    return bool(store) and _fills(store, 0, len(store)) and _ends_well(store)


def _in_mp4(file: BinaryIO) -> bytes:
    """The manifest store; b"" where it is missing or its box has an odd header."""
    for kind, start, size in _top_level(file):
        if kind == b"uuid":
            file.seek(start + 8)
            box = file.read(size - 8)
            if box.startswith(_C2PA_BOX):
                head = _C2PA_BOX + _PURPOSE
                return box.removeprefix(head) if box.startswith(head) else b""
    return b""


def _top_level(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, size) of each box up to the end of the file, headers included."""
    end = file.seek(0, 2)
    start = 0
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = end - start
        if size < 8:
            return
        yield header[4:8], start, size
        start += size


def _in_jpeg(file: BinaryIO) -> bytes:
    """Out of APP11 segments: mark, number, and a piece after a copy of the box's header."""
    store, number = b"", 0
    file.seek(2)
    while (head := file.read(4))[:1] == b"\xff" and head[1:2] != b"\xda" and len(head) == 4:
        body = file.read(int.from_bytes(head[2:], "big") - 2)
        if head[1] != 0xEB:
            continue
        number += 1
        if body[:8] != _JPEG_PIECE + number.to_bytes(4, "big"):
            return b""
        if store and body[8:16] != store[:8]:
            return b""
        store += body[16:] if store else body[8:]
    return store


def _fills(store: bytes, start: int, end: int) -> bool:
    """Boxes inside boxes, each full to its end, and described as C2PA says."""
    while start + 8 <= end:
        size = int.from_bytes(store[start : start + 4], "big")
        kind = store[start + 4 : start + 8]
        inside, after = start + 8, start + size
        if size < 8 or after > end:
            return False
        if kind == b"jumb" and not _fills(store, inside, after):
            return False
        if kind == b"jumd" and not _DESCRIPTION.match(store[inside:after]):
            return False
        start = after
    return start == end


def _ends_well(store: bytes) -> bool:
    """The store's end in CBOR: padding of zeros (`pad`, at times `pad2`), null, the signature."""
    at = store.rfind(b"\x63pad")
    if at < 0:
        return False
    for name in (b"\x63pad", b"\x64pad2"):
        if store.startswith(name, at):
            start, at = _byte_string(store, at + len(name))
            if any(store[start:at]):
                return False
    return store[at : at + 1] == b"\xf6" and _byte_string(store, at + 1)[1] == len(store)


def _byte_string(store: bytes, at: int) -> tuple[int, int]:
    """Where a CBOR byte string's content begins and ends."""
    kind = int.from_bytes(store[at : at + 1], "big")
    width = {0x58: 1, 0x59: 2}.get(kind, 0)
    size = int.from_bytes(store[at + 1 : at + 1 + width], "big") if width else kind - 0x40
    start = at + 1 + width
    return start, start + max(0, size)
