"""HLS playlists (RFC 8216), written from rows: fMP4, one stored file for each chunk."""

from collections.abc import Callable, Sequence

from catalog.errors import NotFound
from models.recording import Recording, RecordingState, RenditionChunk

AUDIO = "audio"
MIME = "application/vnd.apple.mpegurl"
SLACK_MS = 1_000
"""Encoders end a little before or after what the container said."""

UrlOf = Callable[[RenditionChunk], str]


def rungs(recording: Recording) -> dict[str, list[RenditionChunk]]:
    """What can be played, best first: each rung's chunks from the first up to the first gap."""
    found: dict[str, list[RenditionChunk]] = {}
    for chunk in sorted(recording.chunks, key=lambda chunk: chunk.number):
        ready = found.setdefault(chunk.rung, [])
        if chunk.number == len(ready):
            ready.append(chunk)
    playable = {rung: ready for rung, ready in found.items() if ready}
    return dict(sorted(playable.items(), key=lambda item: -item[1][0].height))


def is_playable(recording: Recording) -> bool:
    """With picture and sound where the recording has both: nobody sees it silent by mistake."""
    ready, probe = rungs(recording), recording.probe or {}
    has_sound = AUDIO in ready or not probe.get("audio")
    has_picture = any(rung != AUDIO for rung in ready) or not probe.get("video")
    return bool(ready) and has_sound and has_picture


def is_complete(recording: Recording, chunks: Sequence[RenditionChunk]) -> bool:
    reached = chunks[-1].end_ms >= (recording.duration_ms or 0) - SLACK_MS
    return reached or recording.state != RecordingState.WORKING


def master(recording: Recording) -> str:
    """Raises NotFound until is_playable()."""
    if not is_playable(recording):
        raise NotFound("The streaming version of this recording is not ready yet.")
    ready = rungs(recording)
    sound = ready.pop(AUDIO, [])
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if sound and ready:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,'
            f'URI="{AUDIO}.m3u8"'
        )
    for rung, chunks in ready.items():
        lines += [_variant(chunks, sound), f"{rung}.m3u8"]
    if not ready:
        lines += [_variant(sound, []), f"{AUDIO}.m3u8"]
    return "\n".join([*lines, ""])


def media(recording: Recording, rung: str, url_of: UrlOf) -> str:
    """One rung's playlist. Raises NotFound."""
    chunks = rungs(recording).get(rung)
    if not chunks:
        raise NotFound("There is no such streaming version of this recording.")
    complete = is_complete(recording, chunks)
    longest = max(duration for chunk in chunks for _, _, duration in chunk.segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{-(-longest // 1000)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if complete else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if not complete:  # players would start at the newest part otherwise
        lines.append("#EXT-X-START:TIME-OFFSET=0,PRECISE=YES")
    for chunk in chunks:
        lines += _segments(chunk, url_of(chunk))
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if complete else []), ""])


def named(recording: Recording, name: str) -> str:
    """`master`, or the rung's. Raises NotFound."""
    if name == "master":
        return master(recording)
    return media(recording, name, lambda chunk: f"/media/{chunk.asset_id}/chunk.mp4")


def _segments(chunk: RenditionChunk, url: str) -> list[str]:
    lines = [f'#EXT-X-MAP:URI="{url}",BYTERANGE="{chunk.init_size}@0"']
    for offset, size, duration_ms in chunk.segments:
        lines += [f"#EXTINF:{duration_ms / 1000:.3f},", f"#EXT-X-BYTERANGE:{size}@{offset}", url]
    return lines


def _variant(chunks: Sequence[RenditionChunk], sound: Sequence[RenditionChunk]) -> str:
    first = chunks[0]
    bandwidth = _peak(chunks) + _peak(sound)
    codecs = ",".join(part[0].codecs for part in (chunks, sound) if part and part[0].codecs)
    fields = [f"BANDWIDTH={max(bandwidth, 1)}"]
    fields += [f'CODECS="{codecs}"'] if codecs else []
    fields += [f"RESOLUTION={first.width}x{first.height}"] if first.width else []
    fields += ['AUDIO="sound"'] if sound else []
    return "#EXT-X-STREAM-INF:" + ",".join(fields)


def _peak(chunks: Sequence[RenditionChunk]) -> int:
    return max((chunk.bandwidth for chunk in chunks), default=0)
