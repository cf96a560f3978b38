"""A recording whose clips are real: cut, signed, with previews where asked; quick to make."""

from datetime import UTC, datetime
from pathlib import Path

from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.recording import Recording
from models.settings import settings
from models.storage import sha256_of, store
from pipeline import provenance
from pipeline.cut import cut_master
from pipeline.probe import probe
from pipeline.timeline import Span
from tests import factories
from tests.media import X264, numbered
from workers.material import stored

SPANS = (Span(1_000, 2_400), Span(4_000, 5_000), Span(7_000, 8_200))
SAID = ("the first goal", "what a save", "the whistle")
FRAMES = (range(25, 60), range(100, 125), range(175, 205))


def cut(folder: Path) -> list[Path]:
    """The masters, not signed: once for a module."""
    source = numbered(folder / "source.mp4", 240, "25", *X264)
    about = probe(source)
    masters = [folder / f"{number}.mp4" for number in range(len(SPANS))]
    for span, master in zip(SPANS, masters, strict=True):
        cut_master(source, about, span, master)
    return masters


def recording_of(masters: list[Path], folder: Path, *, spoken: bool = True) -> str:
    """On sale, each with its signed master, poster, manifest and words. The recording's id."""
    chain = provenance.ensure_chain(settings().resolved_keys)
    with unit_of_work() as session:
        recording = factories.recording(session, duration_ms=9_600, title="Cup final")
        for number, master in enumerate(masters):
            clip = factories.clip(
                session,
                recording,
                start_ms=SPANS[number].start_ms,
                end_ms=SPANS[number].end_ms,
                score=0.5 + number / 10,
                reasons={"cheer": 0.5 + number / 10},
                title=SAID[number].capitalize(),
                width=320,
                height=96,
                essence_sha256=sha256_of(master),
            )
            signed = folder / f"{clip.id}.mp4"
            provenance.sign(master, signed, chain, _claim(clip, recording))
            asset = stored(signed, AssetKind.MASTER, recording.id)
            asset.clip_id = clip.id
            session.add(asset)
            for kind, suffix in ((AssetKind.POSTER, ".jpg"), (AssetKind.MANIFEST, ".json")):
                factories.asset(session, clip, kind, f"{kind} {clip.id}".encode(), suffix=suffix)
            if spoken:
                factories.transcript(session, clip, SAID[number])
            factories.listing(session, clip)
        return recording.id


def clips(recording_id: str) -> list[Clip]:
    """In order of time, with their files."""
    with reading() as session:
        found = session.get_one(Recording, recording_id).clips
        for clip in found:
            _ = clip.assets, clip.listing, clip.transcript
        return list(found)


def file_of(asset: Asset | None) -> Path:
    assert asset is not None
    with store().local(asset.key) as path:
        return path


def _claim(clip: Clip, recording: Recording) -> provenance.ClipClaim:
    return provenance.ClipClaim(
        title=clip.title,
        clip_id=clip.id,
        recording_id=recording.id,
        recording_sha256=recording.sha256,
        recording_title=recording.title,
        recording_duration_ms=recording.duration_ms or 0,
        recording_mime="video/mp4",
        span=Span(clip.start_ms, clip.end_ms),
        creator="Ada",
        created=datetime.now(UTC),
    )
