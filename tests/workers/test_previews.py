"""Clips of before get their small files by a job, and stay on sale meanwhile."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select

from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind
from models.job import Job, JobState
from models.steps import MEDIA
from pipeline.probe import probe
from tests import factories, signed_clips
from tests.media import made
from workers import check, flow, previews

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return signed_clips.cut(tmp_path_factory.mktemp("masters"))


def test_a_clip_of_before_gets_its_previews(masters: list[Path], tmp_path: Path) -> None:
    recording_id = signed_clips.recording_of(masters[:2], tmp_path)
    assert previews.ask_for_missing() == 2
    assert previews.ask_for_missing() == 0, "asked once"
    assert flow.run_one(MEDIA)
    assert flow.run_one(MEDIA)
    with reading() as session:
        jobs = session.scalars(select(Job).filter_by(step="previews")).all()
        assert {(job.state, job.error, job.recording_id) for job in jobs} == {
            (JobState.DONE, "", None)
        }
    for clip in signed_clips.clips(recording_id):
        kinds = {asset.kind for asset in clip.assets}
        assert kinds >= {AssetKind.PREVIEW, AssetKind.HOVER, AssetKind.STORYBOARD}
        shown = probe(signed_clips.file_of(clip.asset(AssetKind.PREVIEW)))
        assert shown.duration_ms == pytest.approx(clip.length_ms, abs=100)
    assert list(check.nothing_twice()) == []
    assert previews.ask_for_missing() == 0


def test_a_large_poster_gives_way_to_a_small_one(masters: list[Path], tmp_path: Path) -> None:
    clip = signed_clips.clips(signed_clips.recording_of(masters[:1], tmp_path))[0]
    large = made(
        tmp_path / "poster.jpg", "-f", "lavfi", "-i", "testsrc2=s=1280x720", "-vframes", "1"
    )
    with unit_of_work() as session:
        of_it = (Asset.clip_id == clip.id) & (Asset.kind == AssetKind.POSTER)
        session.execute(delete(Asset).where(of_it))
        factories.asset(session, clip, AssetKind.POSTER, large.read_bytes(), suffix=".jpg")
    previews.ask_for_missing()
    assert flow.run_one(MEDIA)
    again = signed_clips.clips(clip.recording_id)[0]
    assert sum(asset.kind == AssetKind.POSTER for asset in again.assets) == 1
    poster = again.asset(AssetKind.POSTER)
    assert poster is not None
    assert poster.size < len(large.read_bytes())


def test_what_has_its_previews_is_not_asked_for(masters: list[Path], tmp_path: Path) -> None:
    clip = signed_clips.clips(signed_clips.recording_of(masters[:1], tmp_path))[0]
    with unit_of_work() as session:
        factories.asset(session, clip, AssetKind.PREVIEW, b"preview")
        factories.clip(session)  # whose master is lost: nothing can be made of it
    assert previews.ask_for_missing() == 0
