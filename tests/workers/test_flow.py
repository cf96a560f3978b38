"""How a try ends: what is refused, what waits, what is given up, and what a user may read of it."""

import errno
import http.server
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import recording as recordings
from models.base import unit_of_work
from models.job import Job, JobState
from models.recording import Recording, RecordingState
from models.settings import settings
from models.steps import STEPS
from models.storage import S3Store, StoreDown, collect_cache
from pipeline.errors import ChildFailed, Refused
from tests import factories
from workers import flow, log
from workers.lease import Lease, _process_name

pytestmark = pytest.mark.usefixtures("database")


def asked(*steps: str) -> str:
    with unit_of_work() as session:
        recording = factories.recording(session, state=RecordingState.WORKING)
        for step in steps:
            factories.job(session, recording, step, JobState.READY, priority=STEPS[step].priority)
        return recording.id


def ended(recording_id: str) -> tuple[Recording, dict[str, Job]]:
    with unit_of_work() as session:
        jobs = session.scalars(select(Job).where(Job.recording_id == recording_id)).all()
        return session.get_one(Recording, recording_id), {job.step: job for job in jobs}


def fails(monkeypatch: pytest.MonkeyPatch, step: str, error: Exception) -> None:
    def run(own: Lease) -> None:
        raise error

    monkeypatch.setitem(flow.RUN, step, run)


def test_a_recording_that_is_refused_is_rejected_and_the_rest_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording_id = asked("ingest", "chunk")
    fails(monkeypatch, "ingest", Refused("It holds no sound and no picture."))
    flow.run_one("media")
    recording, jobs = ended(recording_id)
    assert (recording.state, recording.reason) == ("rejected", "It holds no sound and no picture.")
    assert jobs["chunk"].state == JobState.DROPPED


def test_a_clip_that_is_refused_does_not_reject_its_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording_id = asked("clip", "chunk")
    fails(monkeypatch, "clip", Refused("No picture could be read."))
    flow.run_one("media")
    recording, jobs = ended(recording_id)
    assert recording.state == RecordingState.WORKING
    assert (jobs["clip"].state, jobs["clip"].error) == ("quarantined", "No picture could be read.")
    assert jobs["chunk"].state == JobState.READY


@pytest.mark.parametrize(
    "error",
    [
        StoreDown("the store does not answer"),
        OSError(errno.ENOSPC, "No space left on device"),
        ChildFailed(
            "ffmpeg could not finish: av_interleaved_write_frame(): No space left on device"
        ),
        OperationalError("SELECT 1", {}, Exception("the connection was closed")),
    ],
)
def test_what_is_away_is_waited_for_and_no_try_is_burnt(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    recording_id = asked("clip")
    fails(monkeypatch, "clip", error)
    flow.run_one("media")
    job = ended(recording_id)[1]["clip"]
    assert (job.state, job.attempt) == (JobState.READY, 0)
    assert job.waiting


def test_the_end_of_a_try_is_written_once_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording_id = asked("clip")
    fails(monkeypatch, "clip", ChildFailed("killed"))
    away, real = [OperationalError("", {}, Exception())], recordings.settle

    def settle(session: Session, recording_id: str) -> None:
        if away:
            raise away.pop()
        real(session, recording_id)

    monkeypatch.setattr(flow, "settle", settle)
    flow.run_one("media")
    assert ended(recording_id)[1]["clip"].attempt == 1


def test_what_was_running_while_its_recording_was_rejected_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording_id = asked("clip")

    def run(own: Lease) -> None:
        with unit_of_work() as session:
            flow.reject(session, recording_id, "Not yours.")
        raise ChildFailed("killed")

    monkeypatch.setitem(flow.RUN, "clip", run)
    flow.run_one("media")
    recording, jobs = ended(recording_id)
    assert recording.state == RecordingState.REJECTED
    assert jobs["clip"].state == JobState.DROPPED


def test_what_a_user_reads_names_no_folder(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = asked("clip")
    said = f"ffmpeg could not finish: Error opening file:/srv/x y/a.mp4, {database}/b c/d.mp4, 3/4"
    fails(monkeypatch, "clip", ChildFailed(said))
    flow.run_one("media")
    error = ended(recording_id)[1]["clip"].error
    assert str(database) not in error
    assert "/srv" not in flow.presentable(OSError("can't open /srv/film/a.mp4"))
    assert "3/4" in error


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_can_not_be_written_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = asked("clip")
    fails(monkeypatch, "clip", StoreDown("away"))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Full())
        log.set_up("text")
        flow.run_one("media")
    structlog.reset_defaults()
    logging.basicConfig(force=True)
    assert ended(recording_id)[1]["clip"].waiting == "away"


def test_a_worker_of_another_container_is_not_taken_for_a_dead_one_of_this() -> None:

    namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    assert namespace in _process_name(os.getpid()).split("/")[1]


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """In a store that answers and refuses each upload."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("REELYARD_S3_ACCESS_KEY", "REELYARD_S3_SECRET_KEY"):
        monkeypatch.setenv(name, "x")
    settings.cache_clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield S3Store("bucket", "", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_an_upload_that_is_refused_is_waited_for(bucket: S3Store, tmp_path: Path) -> None:
    made = tmp_path / "clip.mp4"
    made.write_bytes(b"made")
    with pytest.raises(StoreDown) as down:
        bucket.put(made, "ab/abc.mp4")
    assert "127.0.0.1" not in str(down.value)


def test_a_fetched_copy_is_not_collected_while_it_is_read(bucket: S3Store, database: Path) -> None:
    cached = database / "work" / "cache" / "ab-abc.mp4"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"fetched before")
    with bucket.local("ab/abc.mp4") as path:
        os.utime(path, (1, 1))
        collect_cache()
        assert path.read_bytes() == b"fetched before"
    collect_cache()
    assert not cached.exists()
