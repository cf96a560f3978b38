"""Steps `sound` and `chunk`: the whole recording encoded for streaming, a piece at a time.

What the encoder decodes is looked at in passing: so the shot list costs no second decoding.
"""

from pathlib import Path
from typing import Any

from models.analysis import PictureChunk
from models.base import Base, reading
from models.clip import AssetKind
from models.recording import Recording, RenditionChunk
from models.storage import store
from pipeline.probe import Probe
from pipeline.profiles import chunk_spans
from workers.disk import MB, admit
from workers.lease import Lease
from workers.material import original_key, stored

NICENESS = 10
ROOM = 128 * MB


def run_sound(lease: Lease) -> None:
    probe = _probe(lease)
    admit(probe.duration_ms * 20)  # 160 kbit/s
    key, _ = original_key(lease.job.recording)
    with store().local(key) as source:
        request = {
            "source": str(source),
            "probe": probe.as_dict(),
            "folder": str(lease.folder),
        }
        made = lease.child("audio", request, nice=NICENESS)
    _save(lease, [made], 0, 0, probe.duration_ms)


def run_chunk(lease: Lease) -> None:
    probe, number = _probe(lease), int(lease.job.spec)
    start_ms, end_ms = chunk_spans(probe)[number]
    admit(ROOM)
    key, _ = original_key(lease.job.recording)
    with store().local(key) as source:
        request = {
            "source": str(source),
            "probe": probe.as_dict(),
            "span": {"start_ms": start_ms, "end_ms": end_ms},
            "folder": str(lease.folder),
        }
        made = lease.child("chunk", request, nice=NICENESS)
    seen = PictureChunk(
        recording_id=lease.job.recording,
        number=number,
        cuts=made["cuts"],
        seconds=made["seconds"],
    )
    _save(lease, made["rungs"], number, start_ms, end_ms, seen)


def _probe(lease: Lease) -> Probe:
    with reading() as session:
        recording = session.get_one(Recording, lease.job.recording)
    assert recording.probe is not None
    return Probe.from_dict(recording.probe)


def _save(
    lease: Lease, made: list[dict[str, Any]], number: int, start_ms: int, end_ms: int, *also: Base
) -> None:
    recording_id = lease.job.recording
    assets = [stored(Path(row["path"]), AssetKind.CHUNK, recording_id) for row in made]
    with lease.saving() as session:
        session.add_all([*assets, *also])
        session.flush()
        for row, asset in zip(made, assets, strict=True):
            session.add(
                RenditionChunk(
                    recording_id=recording_id,
                    rung=row["rung"],
                    number=number,
                    start_ms=start_ms,
                    end_ms=end_ms,
                    asset_id=asset.id,
                    init_size=row["init_size"],
                    segments=row["segments"],
                    width=row["width"],
                    height=row["height"],
                    bandwidth=row["bandwidth"],
                    codecs=row["codecs"],
                )
            )
