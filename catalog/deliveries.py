"""What a license delivers: its files, links that open them, what was fetched, what is ending."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from catalog import mail, media, signing
from catalog.auth import Visitor
from catalog.entitlements import is_licensee, is_marked, marked, now_of
from catalog.errors import NotFound
from catalog.signing import LinkRefused, Mark
from models import event
from models.clip import Asset, AssetKind, Clip
from models.job import Job, JobState
from models.license import Download, License, LicenseState
from models.listing import Listing
from models.terms import Terms

State = Literal["ready", "preparing", "failed", "revoked", "ended"]
REMIND_MS = 14 * 86_400_000
REMINDED_AT_ONCE = 500
MOST_LISTED = 100
LONGEST_TITLE = 180
"""Bytes: a file system takes names of 255."""
_LABELS = {
    (AssetKind.DELIVERY, ".mp4"): "The clip",
    (AssetKind.CAPTIONS, ".vtt"): "Captions",
    (AssetKind.POSTER, ".jpg"): "Poster",
    (AssetKind.DELIVERY, ".json"): "Manifest",
}
"""In the order of the page."""
_NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|]+')

# What each range of a download asks for, put into words once.
_COPY = (Asset.license_id == bindparam("license_id")) & (Asset.kind == AssetKind.DELIVERY)
_SHARED = Asset.kind.in_((AssetKind.CAPTIONS, AssetKind.POSTER))
_FILES = select(Asset).where(_COPY | ((Asset.clip_id == bindparam("clip_id")) & _SHARED))
_LICENSE = (
    select(License)
    .where(License.id == bindparam("license_id"))
    .options(joinedload(License.terms), joinedload(License.listing).joinedload(Listing.clip))
)


@dataclass(frozen=True)
class File:
    label: str
    name: str
    """For the disk of a person."""
    asset: Asset


def state(session: Session, row: License) -> State:
    if row.state == LicenseState.REVOKED:
        return "revoked"
    if not row.alive(now_of(session)):
        return "ended"
    if any(asset.suffix == ".mp4" for asset in _copies(session, row)):
        return "ready"
    job = session.scalars(select(Job).filter_by(step="deliver", subject=row.id)).first()
    return "failed" if job and job.state == JobState.QUARANTINED else "preparing"


def files(session: Session, row: License) -> list[File]:
    """Of a license, alive or not: whether they may be fetched is told when they are."""
    clip = row.listing.clip
    assets = session.scalars(_FILES, {"license_id": row.id, "clip_id": clip.id})
    known = {(asset.kind, asset.suffix): asset for asset in assets}
    return [
        File(_label(row, label), name_of(clip, row, known[key]), known[key])
        for key, label in _LABELS.items()
        if key in known
    ]


def link(session: Session, visitor: Visitor, row: License, asset_id: str) -> str:
    """A fresh address, good for five minutes. Raises NotFound for whoever is not its licensee,
    LinkRefused where the license is over."""
    if not is_licensee(session, visitor, row.id):
        raise NotFound("There is no such file for you.")
    _needs_alive(session, row)
    asset = _file(session, row, asset_id)
    return signing.signed(session, _path(row.id, asset), row.id)


def opened(session: Session, method: str, path: str, license_id: str, mark: Mark) -> File:
    """The file behind a signed address. Raises LinkRefused."""
    signing.check(session, method, path, license_id, mark)
    row = session.execute(_LICENSE, {"license_id": license_id}).scalar_one_or_none()
    if row is None:
        raise LinkRefused("There is no such license.")
    _needs_alive(session, row)
    found = next((one for one in files(session, row) if _path(row.id, one.asset) == path), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def noted(session: Session, mark: Mark) -> bool:
    return session.get(Download, _download(mark)) is not None


def note(session: Session, license_id: str, asset_id: str, mark: Mark) -> None:
    """That a download began: once a link, however many ranges it is fetched in."""
    if noted(session, mark):
        return
    begun = Download(id=_download(mark), license_id=license_id, asset_id=asset_id)
    try:
        with session.begin_nested():
            session.add(begun)
    except IntegrityError:  # the same link was opened twice at once
        return
    event.record(session, "license.downloaded", license_id, asset=asset_id)


def _download(mark: Mark) -> str:
    """Its id is made from the link's signature."""
    return mark.signature[:32]


@dataclass(frozen=True)
class Fetched:
    at_ms: int
    what: str


def history(session: Session, row: License) -> list[Fetched]:
    """Newest first."""
    rows = (
        select(Download.at_ms, Asset.kind, Asset.suffix)
        .join(Asset, Asset.id == Download.asset_id)
        .where(Download.license_id == row.id)
        .order_by(Download.at_ms.desc())
        .limit(MOST_LISTED)
    )
    return [
        Fetched(at_ms, _label(row, _LABELS.get((kind, suffix), "A file")))
        for at_ms, kind, suffix in session.execute(rows)
    ]


def name_of(clip: Clip, row: License, asset: Asset) -> str:
    """ "The winning goal - 3f2a91bc.mp4": what no file system refuses."""
    kept = (" " if unicodedata.category(sign)[0] == "C" else sign for sign in clip.title)
    plain = _NOT_IN_NAMES.sub(" ", unicodedata.normalize("NFC", "".join(kept)))
    short = " ".join(plain.split()).encode()[:LONGEST_TITLE].decode(errors="ignore")
    title = short.strip(" .") or "Clip"
    return f"{title} - {row.id[:8]}{asset.suffix}"


def attachment(name: str) -> str:
    """RFC 6266: the name as it is, and one in ASCII for old programs."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", folded)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def remind(session: Session) -> int:
    """A mail for each license that ends within two weeks, once. Comp lives for days: none."""
    now = now_of(session)
    ending = (
        select(License)
        .join(Terms, Terms.id == License.terms_id)
        .where(
            License.state == LicenseState.ACTIVE,
            License.reminded_ms.is_(None),
            License.ends_ms > now,
            License.ends_ms <= now + REMIND_MS,
            License.starts_ms <= now,
        )
        .limit(REMINDED_AT_ONCE)
        .with_for_update(of=License, skip_locked=True)
    )
    told = 0
    for row in session.scalars(ending):
        row.reminded_ms = now
        if not is_marked(row.terms):
            mail.write(session, row.email, "ending", license=row, title=row.listing.clip.title)
            told += 1
    return told


def ends_on(row: License) -> datetime | None:
    return None if row.endless else datetime.fromtimestamp(row.ends_ms / 1000, UTC)


def _label(row: License, label: str) -> str:
    return "The marked preview" if label == "The clip" and marked(row) else label


def _needs_alive(session: Session, row: License) -> None:
    if row.state == LicenseState.REVOKED:
        raise LinkRefused("The license was revoked, so its files can't be downloaded any more.")
    if not row.alive(now_of(session)):
        raise LinkRefused("The license has ended, so its files can't be downloaded any more.")


def _copies(session: Session, row: License) -> Sequence[Asset]:
    return session.scalars(select(Asset).where(_COPY), {"license_id": row.id}).all()


def _file(session: Session, row: License, asset_id: str) -> Asset:
    found = next((one.asset for one in files(session, row) if one.asset.id == asset_id), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def _path(license_id: str, asset: Asset) -> str:
    return f"/deliveries/{license_id}/{asset.id}/{media.file_name(asset)}"
