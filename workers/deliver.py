"""Step `deliver`: a license's own copy of its clip, with the license in its signed manifest."""

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import deliveries, signing, wholeness
from catalog.entitlements import is_marked
from models.base import now_ms, reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.event import record
from models.license import License
from models.listing import Listing
from models.settings import settings
from models.storage import store
from models.terms import Terms
from pipeline import provenance
from workers.disk import MB, admit
from workers.lease import Lease, Waits
from workers.material import stored
from workers.version import VERSION

DAMAGED_MS = 600_000


def run(lease: Lease) -> None:
    """The master's own bytes, signed once more; for a comp license the marked preview."""
    with reading() as session:
        row = session.get_one(License, lease.job.subject)
        clip = session.get_one(Listing, row.listing_id).clip
        terms = session.get_one(Terms, row.terms_id)
        wanted = row.alive(session.scalar(select(now_ms())) or 0) and not _have(session, row.id)
        claim_of, master = _facts(row, clip, terms), clip.asset(AssetKind.MASTER)
        source = clip.asset(AssetKind.PREVIEW) if is_marked(terms) else master
    assets: list[Asset] = []
    if wanted:
        if master is None or source is None:
            raise Waits("the preview of this clip")
        if not all(wholeness.look(one) for one in (master, source)):
            raise Waits("a stored file to be put right", wait_ms=DAMAGED_MS)
        admit(2 * source.size + 64 * MB)
        with store().local(master.key) as clip_file, store().local(source.key) as file:
            signed = _signed(lease.folder, file, claim_of | {"clip": clip_file})
        assets = [stored(path, AssetKind.DELIVERY, clip.recording_id) for path in signed]
    with lease.saving() as session:
        for asset in assets:
            asset.clip_id, asset.license_id = clip.id, row.id
            session.add(asset)
        if assets:
            record(session, "license.delivered", row.id, clip=clip.id)


def remind() -> None:
    """For the timer: licenses that end within two weeks."""
    with unit_of_work() as session:
        deliveries.remind(session)


def rotate_keys() -> None:
    """For the timer: the key that signs download links."""
    with unit_of_work() as session:
        signing.rotate_when_due(session)


def _signed(folder: Path, file: Path, claim: dict[str, object]) -> list[Path]:
    """The copy, and its manifest for reading."""
    chain = provenance.ensure_chain(settings().resolved_keys)
    copy, manifest = folder / "copy.mp4", folder / "manifest.json"
    provenance.sign(file, copy, chain, provenance.CopyClaim(**claim))  # type: ignore[arg-type]
    text = json.dumps(provenance.manifest_json(copy, chain.anchors_pem), indent=1)
    manifest.write_text(text, encoding="utf-8")
    return [copy, manifest]


def _have(session: Session, license_id: str) -> bool:
    return session.scalar(select(Asset.id).where(Asset.license_id == license_id)) is not None


def _facts(row: License, clip: Clip, terms: Terms) -> dict[str, object]:
    ends = None if row.endless else datetime.fromtimestamp(row.ends_ms / 1000, UTC)
    return {
        "title": clip.title,
        "clip_id": clip.id,
        "license_id": row.id,
        "license_kind": terms.kind,
        "ends": ends,
        "verify_url": f"{settings().base_url}/verify/{row.id}",
        "creator": clip.recording.sidecar.get("rights_holder") or clip.recording.creator.name,
        "created": datetime.now(UTC),
        "marked": is_marked(terms),
        "software": (("Reelyard", VERSION),),
        "allow_ai_training": bool(terms.fields.get("ai_training")),
    }
