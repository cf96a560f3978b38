"""The step that encodes a chunk keeps its renditions and what was seen in passing, or neither."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from models import job as jobs
from models.analysis import PictureChunk
from models.base import reading, unit_of_work
from models.clip import AssetKind
from models.job import Job, JobState, LeaseLost
from models.recording import RecordingState, RenditionChunk
from models.steps import STEPS
from pipeline.pictures import PARTS, look
from pipeline.probe import probe
from tests import factories
from tests.media import filmed, shots
from workers import flow, renditions
from workers.lease import Lease, worker_name

pytestmark = pytest.mark.usefixtures("database")
CUTS = [60, 410, 795, 801, 850]
"""At 25 frames a second the second chunk begins with frame 800."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film") / "film.mp4", shots(CUTS, 925), "-g", "250")


def asked(film: Path) -> str:
    """A recording whose two chunks are wanted."""
    with unit_of_work() as session:
        about = probe(film)
        recording = factories.recording(
            session, state=RecordingState.WORKING, probe=about.as_dict()
        )
        factories.asset(session, recording, AssetKind.ORIGINAL, film.read_bytes())
        for number in (0, 1):
            priority = STEPS["chunk"].priority + number
            factories.job(
                session, recording, "chunk", JobState.READY, spec=str(number), priority=priority
            )
        return recording.id


def kept(recording_id: str) -> tuple[list[PictureChunk], list[RenditionChunk]]:
    with reading() as session:
        seen = select(PictureChunk).where(PictureChunk.recording_id == recording_id)
        made = select(RenditionChunk).where(RenditionChunk.recording_id == recording_id)
        return (
            list(session.scalars(seen.order_by(PictureChunk.number))),
            list(session.scalars(made.order_by(RenditionChunk.number))),
        )


def test_chunks_together_are_the_shot_list_and_the_activity_of_the_whole(film: Path) -> None:
    recording_id = asked(film)
    assert flow.run_one(STEPS["chunk"].queue)
    assert flow.run_one(STEPS["chunk"].queue)
    seen, made = kept(recording_id)
    whole = look(film)
    assert [row.number for row in seen] == [row.number for row in made] == [0, 1]
    assert [cut for row in seen for cut in row.cuts] == whole.cuts == [40 * cut for cut in CUTS]
    assert seen[1].cuts == [32_040, 34_000]
    assert [second for row in seen for second in row.seconds] == whole.seconds
    assert [len(row.seconds) for row in seen] == [32, 5]
    assert set(seen[0].seconds[0]) == set(PARTS)


def test_a_worker_that_lost_its_job_keeps_nothing(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = asked(film)
    with unit_of_work() as session:
        job = jobs.claim(session, STEPS["chunk"].queue, worker_name())
    assert job is not None
    real = Lease.child

    def child(lease: Lease, *args: Any, **options: Any) -> Any:
        answer = real(lease, *args, **options)
        with unit_of_work() as session:
            session.execute(update(Job).where(Job.id == job.id).values(token=Job.token + 1))
        return answer

    monkeypatch.setattr(Lease, "child", child)
    with Lease(job) as lease, pytest.raises(LeaseLost):
        renditions.run_chunk(lease)
    assert kept(recording_id) == ([], [])


def test_the_small_frames_do_not_stay(film: Path) -> None:
    asked(film)
    with unit_of_work() as session:
        job = jobs.claim(session, STEPS["chunk"].queue, worker_name())
    assert job is not None
    with Lease(job) as lease:
        renditions.run_chunk(lease)
        left = {path.name for path in lease.folder.iterdir()}
        shutil.rmtree(lease.folder)
    assert {Path(name).suffix for name in left} <= {".mp4"}
