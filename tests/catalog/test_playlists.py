"""Playlists from rows: every byte range is of a stored file, and a gap is never played over."""

import re
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient

from models.base import unit_of_work
from models.recording import RecordingState
from tests import factories

pytestmark = pytest.mark.usefixtures("owner")


class Segment(NamedTuple):
    url: str
    init: str
    offset: int
    size: int
    seconds: float


def segments(text: str) -> list[Segment]:
    """Read the way a player reads: a MAP holds until the next one."""
    found, init, seconds, at = [], "", 0.0, (0, 0)
    for line in text.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            init = line.removeprefix("#EXT-X-MAP:")
        elif line.startswith("#EXTINF:"):
            seconds = float(line.removeprefix("#EXTINF:").rstrip(","))
        elif line.startswith("#EXT-X-BYTERANGE:"):
            size, offset = line.removeprefix("#EXT-X-BYTERANGE:").split("@")
            at = (int(offset), int(size))
        elif line and not line.startswith("#"):
            found.append(Segment(line, init, *at, seconds))
    return found


def made(
    *chunks: tuple[str, int],
    duration_ms: int = 64_000,
    state: RecordingState = RecordingState.WORKING,
    video: bool = True,
    audio: bool = True,
) -> str:
    with unit_of_work() as session:
        recording = factories.recording(
            session,
            duration_ms=duration_ms,
            state=state,
            probe=factories.probe(video=video, audio=audio),
        )
        for rung, number in chunks:
            end = {"end_ms": duration_ms} if rung == "audio" else {}
            factories.chunk(session, recording, rung, number, **end)
    return f"/recordings/{recording.id}/hls"


def test_the_master_names_each_rung_with_the_sound(client: TestClient) -> None:
    home = made(("360p", 0), ("720p", 0), ("audio", 0))
    answer = client.get(f"{home}/master.m3u8")
    assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    lines = answer.text.splitlines()
    assert lines[0] == "#EXTM3U"
    assert 'TYPE=AUDIO,GROUP-ID="sound"' in answer.text
    assert 'URI="audio.m3u8"' in answer.text
    variants = [line for line in lines if line.startswith("#EXT-X-STREAM-INF:")]
    assert [line for line in lines if not line.startswith("#")] == ["720p.m3u8", "360p.m3u8"]
    assert "RESOLUTION=1280x720" in variants[0]
    assert all('CODECS="avc1.64001f,mp4a.40.2"' in variant for variant in variants)
    assert all('AUDIO="sound"' in variant for variant in variants)
    assert "BANDWIDTH=2128000" in variants[0]


def test_every_segment_is_a_range_of_a_file_that_is_served(client: TestClient) -> None:
    home = made(("720p", 0), ("720p", 1), ("audio", 0))
    text = client.get(f"{home}/720p.m3u8").text
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "#EXT-X-TARGETDURATION:4\n" in text
    assert text.count("#EXT-X-MAP:") == 2
    found = segments(text)
    assert sum(one.seconds for one in found) == 64
    assert [one.offset for one in found[:2]] == [800, 1_800]
    for one in found:
        assert one.init == f'URI="{one.url}",BYTERANGE="800@0"'
        assert client.head(one.url).status_code == 200


def test_a_playlist_ends_at_the_first_gap_and_stays_open(client: TestClient) -> None:
    home = made(("720p", 0), ("720p", 2), ("audio", 0), duration_ms=96_000)
    text = client.get(f"{home}/720p.m3u8").text
    assert len(segments(text)) == 8
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "#EXT-X-START:TIME-OFFSET=0" in text
    assert "#EXT-X-ENDLIST" not in text


def test_a_recording_that_will_get_no_more_is_closed(client: TestClient) -> None:
    home = made(("720p", 0), ("audio", 0), state=RecordingState.QUARANTINED)
    assert "#EXT-X-ENDLIST" in client.get(f"{home}/720p.m3u8").text


@pytest.mark.parametrize("rung", ["720p", "audio"])
def test_nothing_plays_without_its_sound_or_its_picture(client: TestClient, rung: str) -> None:
    assert client.get(f"{made((rung, 0))}/master.m3u8").status_code == 404
    assert client.get(f"{made()}/master.m3u8").status_code == 404


def test_without_its_first_chunk_a_rung_is_not_offered(client: TestClient) -> None:
    home = made(("720p", 1), ("360p", 0), ("audio", 0))
    assert "720p" not in client.get(f"{home}/master.m3u8").text
    assert client.get(f"{home}/720p.m3u8").status_code == 404


def test_sound_alone_and_picture_alone(client: TestClient) -> None:
    sound = client.get(f"{made(('audio', 0), video=False)}/master.m3u8").text
    assert re.search(r'#EXT-X-STREAM-INF:BANDWIDTH=\d+,CODECS="mp4a.40.2"\naudio.m3u8\n', sound)
    assert "EXT-X-MEDIA" not in sound
    silent = client.get(f"{made(('720p', 0), audio=False)}/master.m3u8").text
    assert "AUDIO=" not in silent
    assert 'CODECS="avc1.64001f"' in silent


def test_the_longest_segment_sets_the_target(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, duration_ms=9_000, probe=factories.probe())
        odd = [[800, 10, 4_001], [810, 10, 4_999]]
        factories.chunk(session, recording, "720p", 0, segments=odd, end_ms=9_000)
    text = client.get(f"/recordings/{recording.id}/hls/720p.m3u8").text
    assert "#EXT-X-TARGETDURATION:5\n" in text
    assert "#EXTINF:4.001,\n" in text
