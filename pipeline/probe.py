"""Open an untrusted file the safe way and say what is in it. Run inside the media child."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import av.logging

from pipeline.errors import Refused

FORMATS = (
    "mov,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,mp3,aac,flac,wav,aiff,mxf,3gp,amr,caf,w64,ac3,eac3,"
    "h264,hevc,ivf,dv,mpegvideo,rm,ape,wv,tta,tak"
)
"""No playlists, no image pipes, nothing that opens another file."""
VIDEO_CODECS = (
    "h264,hevc,av1,libdav1d,libaom-av1,vp8,vp9,libvpx,libvpx-vp9,mpeg4,mpeg2video,mpeg1video,h263,mjpeg,"
    "prores,dvvideo,theora,wmv1,wmv2,wmv3,vc1,msmpeg4v3,flv,vp6f,ffv1,jpeg2000,dnxhd"
)
AUDIO_CODECS = (
    "aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,pcm_s16le,pcm_s16be,"
    "pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_u8,pcm_mulaw,pcm_alaw,amrnb,amrwb,"
    "libopencore_amrnb,libopencore_amrwb,wmav1,wmav2,dca,truehd"
)
CODECS = f"{VIDEO_CODECS},{AUDIO_CODECS}"
MAX_PIXELS = 8192 * 4352
MAX_STREAMS = 32
MIN_MS, MAX_MS = 1_000, 12 * 3_600_000
ATTACHED_PICTURE = 0x0400
FIRST_SEEK_MS = 1_000
NO_INDEX = frozenset(("mpegts", "mpeg"))
NO_INDEX_LEAD_MS = 11_000
"""Longer than the 250 frames that encoders leave between two key frames, at 24 a second."""
STEREO = 2

# PyAV's own log callback takes the GIL in decoder threads, and freeing a decoder waits for them
# with the GIL held: a deadlock on the first warning. FFmpeg's own callback takes nothing.
av.logging.restore_default_callback()
av.logging.set_libav_level(av.logging.PANIC)


@dataclass(frozen=True, slots=True)
class Video:
    index: int
    codec: str
    width: int
    height: int
    """As shown: after rotation and with square pixels."""
    fps: float
    rotation: int
    pixel_format: str
    start_ms: int


@dataclass(frozen=True, slots=True)
class Audio:
    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str
    start_ms: int


@dataclass(frozen=True, slots=True)
class Probe:
    format: str
    duration_ms: int
    video: Video | None
    audio: Audio | None

    def seek_ms(self, to_ms: float) -> float:
        """Where reading begins, so that a key frame comes before `to_ms`; 0 for no seek at all.

        Without an index a seek ends at any packet, and what follows can't be decoded up to the next
        key frame. A seek to the first moments of an FLV file ends past its first key frame.
        """
        lead_ms = NO_INDEX_LEAD_MS if set(self.format.split(",")) & NO_INDEX else 0
        return to_ms - lead_ms if to_ms - lead_ms >= FIRST_SEEK_MS else 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "Probe":
        return Probe(
            format=values["format"],
            duration_ms=values["duration_ms"],
            video=Video(**values["video"]) if values["video"] else None,
            audio=Audio(**values["audio"]) if values["audio"] else None,
        )


def open_media(path: Path) -> Any:
    """A PyAV container that opened only this file, with a known format and known decoders.

    Raises Refused with a reason a creator understands.
    """
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        "codec_whitelist": CODECS,
        "max_streams": str(MAX_STREAMS + 1),
        "probesize": "5000000",
        "analyzeduration": "10000000",
        "max_probe_packets": "2500",
    }
    try:
        return av.open(f"file:{path.absolute()}", metadata_errors="replace", options=options)
    except (av.error.FFmpegError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise Refused(_why_not_opened(path)) from error


def zero_s(path: Path) -> float:
    """The time stamp that counts as the recording's first moment. Raises Refused."""
    with open_media(path) as container:
        return (container.start_time or 0) / 1_000_000


def prepare(stream: Any) -> Any:
    """Set a stream's decoder to what untrusted input needs."""
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), "codec_whitelist": CODECS}
    return stream


def sniff(head: bytes) -> str:
    """'' where the first bytes may be a recording, else what they are instead."""
    if not head:
        return "The file is empty (0 bytes). Copy it again from the camera or editor."
    kinds = (
        ((b"PK\x03\x04", b"PK\x05\x06"), "a ZIP archive; unpack it and drop the recording inside"),
        ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM"), "a still picture, not a recording"),
        ((b"%PDF",), "a PDF document, not a recording"),
        ((b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe"), "a program, not a recording"),
        (
            (b"ffconcat", b"#EXTM3U"),
            "a playlist that points at other files; drop those files instead",
        ),
        ((b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b"), "a packed archive; unpack it first"),
        ((b"v=0\r\n", b"v=0\no="), "a stream description, not a recording"),
    )
    for starts, what in kinds:
        if head.startswith(starts):
            return f"The file is {what}."
    if _is_text(head):
        what = "a web page" if b"<html" in head.lower() or b"<!doctype" in head.lower() else "text"
        return f"The file is {what}, not a recording."
    return ""


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(sign.isprintable() or sign in "\r\n\t\f" for sign in text)


def probe(path: Path) -> Probe:
    """What the recording holds, checked against what is accepted. Raises Refused."""
    with path.open("rb") as file:
        what = sniff(file.read(4096))
    if what:
        raise Refused(what)
    with open_media(path) as container:
        _check_streams(container)
        video = _best_video(container)
        audio = _best_audio(container)
        if video is None and audio is None:
            raise Refused(_nothing_to_play(container))
        seen = _decode_a_little(path, video, audio)
        duration_ms = _duration_ms(container, seen)
        return Probe(
            format=str(container.format.name),
            duration_ms=_accepted_duration(duration_ms),
            video=_video(video, seen) if video is not None and seen.get("video") else None,
            audio=_audio(audio) if audio is not None and seen.get("audio") else None,
        )


def _check_streams(container: Any) -> None:
    if len(container.streams) > MAX_STREAMS:
        raise Refused(
            f"The file holds more than {MAX_STREAMS} streams. "
            "Export it with one picture and one sound."
        )
    for stream in container.streams.video:
        if stream.codec_context is None:  # a codec that is not accepted
            continue
        width, height = stream.codec_context.width or 0, stream.codec_context.height or 0
        if width * height > MAX_PIXELS or max(width, height) > 16384:
            raise Refused(
                f"The picture is {width}x{height}; at most 8192x4352 is accepted. "
                "Export it smaller."
            )


def _is_picture_track(stream: Any) -> bool:
    if stream.disposition.value & ATTACHED_PICTURE:
        return False
    return stream.codec_context is not None and stream.codec_context.width > 0


def _best_video(container: Any) -> Any:
    """libav's choice among the picture tracks, so that all our readers choose alike."""
    tracks = [stream for stream in container.streams.video if _is_picture_track(stream)]
    best = container.streams.best("video")
    return best if best in tracks else tracks[0] if tracks else None


def _best_audio(container: Any) -> Any:
    """The default track, else the first with sound."""
    tracks = [s for s in container.streams.audio if s.codec_context is not None]
    return next((s for s in tracks if s.disposition.value & 1), tracks[0] if tracks else None)


def _nothing_to_play(container: Any) -> str:
    kinds = sorted({stream.type for stream in container.streams})
    return (
        f"No picture and no sound that could be read (found: {', '.join(kinds) or 'nothing'}). "
        "It may be encrypted, too large, or of a rare codec; export it as MP4 with H.264 and AAC."
    )


def _decode_a_little(path: Path, video: Any, audio: Any) -> dict[str, Any]:
    """Decode the first frames of each chosen stream: a header alone proves nothing."""
    seen: dict[str, Any] = {"last_ms": 0}
    started = time.monotonic()
    for kind, wanted in (("video", video), ("audio", audio)):
        if wanted is None:
            continue
        with open_media(path) as container:
            stream = prepare(container.streams[wanted.index])
            try:
                for packet in container.demux(stream):
                    for frame in _frames(packet):
                        seen.setdefault(kind, frame)
                    if kind in seen or time.monotonic() - started > 15:
                        break
            except (av.error.FFmpegError, ValueError, OverflowError):
                continue
    if not seen.get("video") and not seen.get("audio"):
        raise Refused(
            "Nothing in the file could be decoded: it is damaged, encrypted, or cut off before "
            "its first frame. Export it again as MP4 with H.264 and AAC."
        )
    return seen


def _frames(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except (av.error.FFmpegError, ValueError, OverflowError):
        return []


def _duration_ms(container: Any, seen: dict[str, Any]) -> int:
    if container.duration and container.duration > 0:
        return int(container.duration // 1000)
    lengths = [
        float(s.duration * s.time_base) * 1000
        for s in (*container.streams.video, *container.streams.audio)
        if s.duration and s.time_base
    ]
    if lengths:
        return int(max(lengths))
    return _counted_ms(container)


def _counted_ms(container: Any) -> int:
    """No header tells: read all packets' times. Bounded by the longest length accepted."""
    last = 0.0
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                last = max(last, end)
                if last * 1000 > MAX_MS:
                    break
    except av.error.FFmpegError:
        pass
    return int(last * 1000)


def _accepted_duration(duration_ms: int) -> int:
    if duration_ms < MIN_MS:
        raise Refused(
            f"The recording is {duration_ms / 1000:.1f} s long; at least 1 s is needed. "
            "If it should be longer, the file was cut off while it was copied."
        )
    if duration_ms > MAX_MS:
        raise Refused(
            f"The recording is {duration_ms / 3_600_000:.1f} h long; at most 12 h are accepted. "
            "Split it."
        )
    return duration_ms


def _video(stream: Any, seen: dict[str, Any]) -> Video:
    frame = seen["video"]
    if frame.width * frame.height > MAX_PIXELS:
        raise Refused(
            f"The picture is {frame.width}x{frame.height}; at most 8192x4352 is accepted."
        )
    rotation = round(float(getattr(frame, "rotation", 0) or 0) / 90) * 90 % 360
    aspect = stream.sample_aspect_ratio
    wide = frame.width * (float(aspect) if aspect and 0.1 < float(aspect) < 10 else 1.0)
    width, height = round(wide), int(frame.height)
    if rotation in (90, 270):
        width, height = height, width
    fps = float(stream.average_rate or stream.guessed_rate or 25)
    return Video(
        index=stream.index,
        codec=str(stream.codec_context.name),
        width=width,
        height=height,
        fps=min(240.0, max(1.0, fps)) if math.isfinite(fps) else 25.0,
        rotation=rotation,
        pixel_format=str(frame.format.name),
        start_ms=_start_ms(stream),
    )


def _audio(stream: Any) -> Audio:
    context = stream.codec_context
    return Audio(
        index=stream.index,
        codec=str(context.name),
        sample_rate=int(context.sample_rate or 48_000),
        channels=int(context.channels or STEREO),
        language=str(stream.language or ""),
        start_ms=_start_ms(stream),
    )


def _start_ms(stream: Any) -> int:
    if stream.start_time is None or not stream.time_base:
        return 0
    return int(float(stream.start_time * stream.time_base) * 1000)


def _why_not_opened(path: Path) -> str:
    if path.stat().st_size < 1024:
        return (
            "The file is too small to be a recording; it was probably cut off while it was copied."
        )
    return (
        "The file can't be opened as a recording: it is damaged, cut off, or of a kind that is "
        "not accepted. Copy it again, or export it as MP4 with H.264 and AAC."
    )
