"""What a licensee gets: the clip's own bytes, with the license in the signed manifest."""

from hashlib import sha256
from pathlib import Path

import av
import pytest
from sqlalchemy import select

from catalog import deliveries
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.job import Job, JobState
from models.license import License, LicenseState
from models.settings import settings
from models.steps import MEDIA, ask
from pipeline import provenance
from tests import license_factories, signed_clips
from workers import check, deliver, flow, previews

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return signed_clips.cut(tmp_path_factory.mktemp("masters"))


@pytest.fixture
def clip(masters: list[Path], tmp_path: Path, database: Path) -> Clip:
    return signed_clips.clips(signed_clips.recording_of(masters[:1], tmp_path))[0]


def granted(clip: Clip, kind: str = "standard", **values: object) -> str:
    assert clip.listing is not None
    with unit_of_work() as session:
        fields = {"watermarked": True} if kind == "comp" else {"ai_training": kind == "extended"}
        terms = license_factories.terms(session, kind, fields=fields)
        listing = session.get_one(type(clip.listing), clip.listing.id)
        row = license_factories.license(session, listing, terms_id=terms.id, **values)
        ask(session, "deliver", row.id, None)
        return row.id


def copy_of(license_id: str) -> Path:
    with reading() as session:
        wanted = select(Asset).filter_by(license_id=license_id, suffix=".mp4")
        return signed_clips.file_of(session.scalars(wanted).one())


def verdict(path: Path) -> provenance.Verdict:
    return provenance.read(path, provenance.anchors(settings().resolved_keys))


def packets(path: Path) -> str:
    digest = sha256()
    with av.open(str(path)) as container:
        for packet in container.demux():
            digest.update(bytes(packet) + f"{packet.stream.index} {packet.pts}".encode())
    return digest.hexdigest()


def job() -> Job:
    with reading() as session:
        return session.scalars(select(Job).filter_by(step="deliver")).one()


def test_the_copy_is_the_clip_s_own_with_the_license_in_it(clip: Clip) -> None:
    license_id = granted(clip)
    assert flow.run_one(MEDIA)
    assert job().state == JobState.DONE, job().error
    copy = copy_of(license_id)
    said = verdict(copy)
    assert (said.state, said.problems) == ("Trusted", ())
    assert (said.license_id, said.license_kind) == (license_id, "standard")
    assert said.verify_url == f"{settings().base_url}/verify/{license_id}"
    assert (said.clip_id, said.span) == (
        clip.id,
        provenance.read(signed_clips.file_of(clip.asset(AssetKind.MASTER)), "").span,
    )
    assert packets(copy) == packets(signed_clips.file_of(clip.asset(AssetKind.MASTER)))


def test_nothing_of_the_licensee_is_in_it(clip: Clip) -> None:
    license_id = granted(clip, licensee="Ada Films", email="ada@films.example")
    assert flow.run_one(MEDIA)
    data = copy_of(license_id).read_bytes()
    for private in (b"Ada Films", b"films.example", str(settings().data).encode()):
        assert private not in data


def test_the_page_s_state_follows(clip: Clip) -> None:
    license_id = granted(clip)
    with reading() as session:
        assert deliveries.state(session, session.get_one(License, license_id)) == "preparing"
    assert flow.run_one(MEDIA)
    with reading() as session:
        row = session.get_one(License, license_id)
        assert deliveries.state(session, row) == "ready"
        assert next(one.label for one in deliveries.files(session, row)) == "The clip"


def test_asked_for_twice_it_is_made_once(clip: Clip) -> None:
    license_id = granted(clip)
    assert flow.run_one(MEDIA)
    with unit_of_work() as session:
        ask(session, "deliver", license_id, None)
        ask(session, "deliver", license_id, None, "again")
    flow.run_one(MEDIA)
    with reading() as session:
        made = session.scalars(select(Asset).filter_by(license_id=license_id)).all()
    assert sorted(asset.suffix for asset in made) == [".json", ".mp4"]


def test_two_licenses_of_one_clip_have_two_copies(clip: Clip) -> None:
    first, second = granted(clip), granted(clip)
    assert flow.run_one(MEDIA)
    assert flow.run_one(MEDIA)
    assert verdict(copy_of(first)).license_id == first
    assert verdict(copy_of(second)).license_id == second
    assert not any(check.check_all()[name] for name in ("nothing is made twice",))
    assert list(check.manifests_hold()) == []
    assert list(check.nothing_private()) == []


def test_a_copy_under_another_license_s_name_is_found(clip: Clip) -> None:
    first, second = granted(clip), granted(clip)
    flow.run_one(MEDIA)
    flow.run_one(MEDIA)
    with unit_of_work() as session:
        for asset in session.scalars(select(Asset).filter_by(license_id=first, suffix=".mp4")):
            asset.license_id = second
    assert [told for told in check.manifests_hold() if "another license" in told]


def test_for_a_revoked_license_nothing_is_made(clip: Clip) -> None:
    license_id = granted(clip)
    with unit_of_work() as session:
        session.get_one(License, license_id).state = LicenseState.REVOKED
    assert flow.run_one(MEDIA)
    assert job().state == JobState.DONE
    with reading() as session:
        assert session.scalars(select(Asset).filter_by(license_id=license_id)).all() == []


def test_a_comp_license_waits_for_the_preview_and_then_gets_it_marked(clip: Clip) -> None:
    license_id = granted(clip, "comp")
    assert flow.run_one(MEDIA)
    assert (job().state, job().attempt) == (JobState.READY, 0)
    assert "preview" in job().waiting
    assert previews.ask_for_missing() == 1
    assert flow.run_one(MEDIA)
    with unit_of_work() as session:
        waiting = session.scalars(select(Job).filter_by(step="deliver")).one()
        waiting.run_after_ms = 0
    assert flow.run_one(MEDIA)
    copy, said = copy_of(license_id), verdict(copy_of(license_id))
    assert (said.state, said.license_kind) == ("Trusted", "comp")
    assert "c2pa.edited" in said.actions
    assert said.recording_id == clip.recording_id
    made = signed_clips.clips(clip.recording_id)[0]
    preview = signed_clips.file_of(made.asset(AssetKind.PREVIEW))
    assert packets(copy) == packets(preview)


def test_what_the_license_says_of_ai_training_is_in_its_copy(clip: Clip) -> None:
    allowed, not_allowed = granted(clip, "extended"), granted(clip)
    flow.run_one(MEDIA)
    flow.run_one(MEDIA)
    assert verdict(copy_of(allowed)).ai_training is True
    assert verdict(copy_of(not_allowed)).ai_training is False


def test_the_timer_s_tasks_run_on_an_empty_house() -> None:
    deliver.remind()
    deliver.rotate_keys()
    assert previews.ask_for_missing() == 0
