"""The commands that are compared: ours, and each peer as its user would run it."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from bench.measure import Command
from pipeline import ffmpeg
from pipeline.probe import Probe
from pipeline.profiles import AUDIO_KBPS, PRESET, SEGMENT_MS, ladder, size_at

RENDITIONS = """
import sys, tempfile
from pathlib import Path
from pipeline.probe import probe
from pipeline.profiles import chunk_spans
from pipeline.timeline import Span
from pipeline.transcode import encode_audio, encode_chunk
source = Path(sys.argv[1]); about = probe(source)
with tempfile.TemporaryDirectory(dir=sys.argv[2]) as folder:
    for start, end in chunk_spans(about):
        encode_chunk(source, about, Span(start, end), Path(folder))
    if about.audio: encode_audio(source, about, Path(folder))
"""


def scout(recording: Path) -> Command:
    words = [sys.executable, "-m", "pipeline", "analyse", str(recording), "--speech", "none"]
    return Command(words, {})


def scenedetect(recording: Path, folder: Path) -> Command:
    program = str(Path(sys.executable).with_name("scenedetect"))
    words = [program, "-q", "-i", str(recording), "-o", str(folder), "detect-adaptive"]
    return Command([*words, "list-scenes", "-s"], {})


def renditions(recording: Path, folder: Path) -> Command:
    return Command([sys.executable, "-c", RENDITIONS, str(recording), str(folder)], {})


def bare_renditions(recording: Path, about: Probe, folder: Path) -> Command:
    """One ffmpeg for the same sizes, preset, rates and segments, written as HLS."""
    words = [ffmpeg.binary(), "-v", "error", "-y", "-i", str(recording)]
    if about.video is not None:
        for number, rung in enumerate(ladder(about.video)):
            width, height = size_at(about.video, rung.height)
            out = folder / f"bare-{number}"
            out.mkdir(exist_ok=True)
            words += ["-map", "0:v:0", "-vf", f"scale={width}:{height}", "-c:v", "libx264"]
            words += ["-preset", PRESET, "-crf", str(rung.crf), "-threads", "2"]
            words += ["-maxrate", f"{rung.maxrate_kbps}k", "-bufsize", f"{rung.maxrate_kbps * 2}k"]
            words += ["-pix_fmt", "yuv420p", "-sc_threshold", "0"]
            words += ["-force_key_frames", "expr:gte(t,n_forced*2)"]
            words += [
                "-f",
                "hls",
                "-hls_time",
                str(SEGMENT_MS // 1000),
                "-hls_segment_type",
                "fmp4",
            ]
            words += ["-hls_flags", "single_file", str(out / "index.m3u8")]
    if about.audio is not None:
        words += ["-map", "0:a:0", "-c:a", "aac", "-b:a", f"{AUDIO_KBPS}k", "-ac", "2"]
        words += [str(folder / "bare-sound.mp4")]
    return Command(words, {})


def whole_job(recording: Path, folder: Path) -> Command:
    """In a data folder that is empty each time."""
    house = folder / "house"
    script = 'rm -rf "$1"; exec "$2" -m workers.cli process "$3"'
    words = ["sh", "-c", script, "sh", str(house), sys.executable, str(recording)]
    return Command(words, {"REELYARD_DATA": str(house)})


def first_clip_s(recording: Path, folder: Path) -> float:
    """Seconds from the start of `process` to the first listing."""
    house = folder / "first"
    shutil.rmtree(house, ignore_errors=True)
    command = [sys.executable, "-m", "workers.cli", "process", str(recording)]
    started = time.monotonic()
    environment = {"REELYARD_DATA": str(house), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as child:
        while child.poll() is None and not _listings(house):
            time.sleep(0.1)
        seconds = time.monotonic() - started
        child.terminate()
    return seconds


def _listings(house: Path) -> int:
    if not (house / "reelyard.db").exists():
        return 0
    engine = create_engine(f"sqlite:///{house / 'reelyard.db'}")
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM listing")).scalar_one())
    except OperationalError:
        return 0
    finally:
        engine.dispose()
