"""What the box reader says of a file is what a decoder finds in it."""

from pathlib import Path

import av
import pytest

from pipeline import boxes
from tests.media import X264, made, shown_at

FRAGMENTED = "+frag_keyframe+empty_moov+default_base_moof"


@pytest.fixture
def fragmented(tmp_path: Path) -> Path:
    """Five fragments of a second each."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=5")
    keys = ("-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-bf", "0")
    return made(tmp_path / "five.mp4", *picture, *X264, *keys, "-movflags", FRAGMENTED)


def test_fragments_cover_the_file_and_begin_where_a_decoder_says(fragmented: Path) -> None:
    found = boxes.read(fragmented)
    assert [part.start / found.timescale for part in found.fragments] == [0, 1, 2, 3, 4]
    assert found.fragments[0].offset == found.init_size
    for before, after in zip(found.fragments, found.fragments[1:], strict=False):
        assert before.offset + before.size == after.offset


def test_each_fragment_decodes_with_the_head_alone(fragmented: Path, tmp_path: Path) -> None:
    data, found = fragmented.read_bytes(), boxes.read(fragmented)
    for part in found.fragments:
        alone = tmp_path / "alone.mp4"
        alone.write_bytes(data[: found.init_size] + data[part.offset : part.offset + part.size])
        assert len(shown_at(alone)) == 25


def test_fragments_are_gathered_into_segments(fragmented: Path) -> None:
    found = boxes.read(fragmented)
    segments = found.segments(2_000, 5_000)
    assert [length for _, _, length in segments] == [2_000, 2_000, 1_000]
    assert segments[0][0] == found.init_size
    assert sum(size for _, size, _ in segments) == sum(part.size for part in found.fragments)
    assert [length for _, _, length in found.segments(60_000, 5_200)] == [5_200]


def test_the_codec_is_named_as_a_playlist_names_it(fragmented: Path) -> None:
    with av.open(str(fragmented)) as container:
        head = container.streams.video[0].codec_context.extradata
    assert head
    assert boxes.video_codec(fragmented) == f"avc1.{head[1:4].hex()}"


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\0\x04moov", b"\0\0\0\x20ftypisom", b"no boxes at all"]
)
def test_a_file_without_fragments_has_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(data)
    assert boxes.read(path).fragments == ()
    assert boxes.read(path).segments(4_000, 8_000) == []
    assert boxes.video_codec(path) == ""


def test_a_cut_off_fragment_is_no_reason_to_fail(fragmented: Path) -> None:
    data = fragmented.read_bytes()
    fragmented.write_bytes(data[: len(data) - 50])
    assert len(boxes.read(fragmented).fragments) == 5
