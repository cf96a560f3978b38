"""Certificates: what a license says, signed, so that anyone can check it; and what holds now."""

import enum
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from catalog import keys, odrl, reels, territories
from catalog.errors import NotFound
from catalog.uses import MEDIA, Fields, Use
from models.base import now_ms
from models.clip import AssetKind, Clip
from models.license import License, LicenseState
from models.settings import settings

SCHEMA = "reelyard.license/1"
KEPT = "\u200c\u200d"
"""Joiners: Persian, Hindi and emoji are not written without them."""
E_MAIL = re.compile(r"<?[^\s@<>]+@[^\s@<>]+>?")
ALLOWS = (
    *("attribution", "sublicensing", "ai_training", "commercial"),
    *("exclusive", "watermarked", "private"),
)


class State(enum.StrEnum):
    LICENSED = "licensed"
    LATER = "licensed later"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CHANGED = "changed"
    """What is stored no longer fits its signature: not to be relied on."""


@dataclass(frozen=True)
class Verdict:
    license_id: str
    clip_id: str
    state: State
    sentence: str
    signature: keys.Signature
    document: dict[str, Any]
    at_ms: int
    """When this was so: the database's clock."""
    revoked_ms: int | None

    @property
    def holds(self) -> bool:
        return self.state == State.LICENSED


def issue(session: Session, license: License) -> None:  # noqa: A002 (the noun)
    """Fills License.certificate. In the grant's transaction: no license is without its proof."""
    session.flush()
    said = _said(license)
    whole = said | {"agreement": odrl.agreement(license.id, said)}
    license.certificate = keys.sign(key_folder(), whole)


def verdict(session: Session, license_id: str) -> Verdict:
    """For anyone who knows the id. Raises NotFound."""
    license = session.get(License, license_id)  # noqa: A001 (the noun)
    if license is None or not license.certificate:
        raise NotFound(f"No license with the id {license_id[:40]} was granted here.")
    at_ms = session.scalar(select(now_ms())) or 0
    document = license.certificate
    signature = keys.check(document, keys.published(key_folder()))
    revoked_ms = license.revoked_ms or at_ms if license.state == LicenseState.REVOKED else None
    state = _state(license, at_ms) if signature == "valid" else State.CHANGED
    return Verdict(
        license_id=license.id,
        clip_id=document["clip"]["id"],
        state=state,
        sentence=sentence(document, state, revoked_ms),
        signature=signature,
        document=document,
        at_ms=at_ms,
        revoked_ms=revoked_ms,
    )


def sentence(document: dict[str, Any], state: State, revoked_ms: int | None = None) -> str:
    """What holds, in words; `document` is one whose signature was looked at."""
    if state == State.CHANGED:
        return "Not to be relied on: the signature of what is kept of this license does not hold."
    who, what = document["licensee"], purpose(document)
    ends = written(document["ends"]) if document["ends"] else ""
    until = f"until {ends}" if ends else "with no end date"
    if state == State.REVOKED:
        when = written(iso(revoked_ms)) if revoked_ms else "an unknown day"
        return f"Revoked on {when}: it no longer holds. It was licensed to {who} for {what}."
    if state == State.EXPIRED:
        return f"Expired on {ends}. It was licensed to {who} for {what}."
    if state == State.LATER:
        return f"Licensed to {who} for {what}; from {written(document['starts'])} {until}."
    return f"Licensed to {who} for {what}; {until}."


def purpose(document: dict[str, Any]) -> str:
    """ "websites and blogs, and social media; in Germany and Poland"."""
    use = document["use"]
    media = [MEDIA.get(name, name).lower() for name in use["media"]]
    for_what = ", and ".join([", ".join(media[:-1]), media[-1]]) if media[1:] else "".join(media)
    where = territories.told(use["territory"], use["without"])
    return f"{for_what}; {where if territories.WORLD in use['territory'] else f'in {where}'}"


def state_by_date(document: dict[str, Any], at: datetime) -> State:
    """By the document alone: whether it was revoked can only be asked where it was granted."""
    if document["ends"] and at >= datetime.fromisoformat(document["ends"]):
        return State.EXPIRED
    return State.LICENSED if at >= datetime.fromisoformat(document["starts"]) else State.LATER


def limits(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What else it allows or not, by name, in words."""
    use, allows = document["use"], document["allows"]
    marked = [("Watermark", "on every copy")] if allows["watermarked"] else []
    hidden = [("Public use", "not allowed")] if allows["private"] else []
    return [
        *marked,
        *hidden,
        ("Seats", f"{use['seats']:,}"),
        ("Projects", f"{use['projects']:,}"),
        ("Audience", f"up to {use['audience']:,}" if use["audience"] else "without a limit"),
        ("Exclusive", "yes" if allows["exclusive"] else "no"),
        ("Commercial use", "allowed" if allows["commercial"] else "not allowed"),
        ("Sublicensing", "allowed" if allows["sublicensing"] else "not allowed"),
        ("AI training", "allowed" if allows["ai_training"] else "not allowed"),
        ("Credit", document["rights_holder"]["name"] if allows["attribution"] else "not needed"),
    ]


def fingerprint(document: dict[str, Any]) -> str:
    """sha256 of the canonical JSON, signature and all."""
    return hashlib.sha256(keys.canonical(document)).hexdigest()


def key_folder() -> Path:
    return settings().resolved_keys / "licenses"


def verify_url(license_id: str) -> str:
    return f"{settings().base_url}/verify/{license_id}"


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def written(moment: str) -> str:
    """22 Nov 2026, 10:00 UTC"""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def _state(license: License, at_ms: int) -> State:  # noqa: A002 (the noun)
    if license.state == LicenseState.REVOKED:
        return State.REVOKED
    if at_ms >= license.ends_ms:
        return State.EXPIRED
    return State.LICENSED if at_ms >= license.starts_ms else State.LATER


def _said(license: License) -> dict[str, Any]:  # noqa: A002 (the noun)
    """All but the agreement and the signature. No e-mail address and no price: it is public."""
    terms, clip = license.terms, license.listing.clip
    fields, use = Fields.model_validate(terms.fields), Use.model_validate(license.use)
    creator = clip.recording.creator
    return {
        "schema": SCHEMA,
        "license": license.id,
        "verify": verify_url(license.id),
        "granted": iso(license.granted_ms),
        "clip": _clip(clip),
        "rights_holder": {"id": creator.id, "name": plain(creator.name)},
        "licensee": _licensee(license),
        "terms": {
            "kind": terms.kind,
            "version": terms.version,
            "title": plain(terms.title),
            "text_sha256": hashlib.sha256(terms.text.encode()).hexdigest(),
        },
        "use": {
            "media": use.media,
            "territory": use.territory,
            "without": use.without,
            "term_days": use.term_days,
            "audience": use.audience or fields.audience_cap,
            "seats": use.seats,
            "projects": use.projects,
        },
        "allows": {name: getattr(fields, name) for name in ALLOWS},
        "starts": iso(license.starts_ms),
        "ends": None if license.endless else iso(license.ends_ms),
    }


def _licensee(license: License) -> str:  # noqa: A002 (the noun)
    """As given, but for e-mail addresses: who gave no other name is known by a number."""
    given = " ".join(E_MAIL.sub(" ", plain(license.licensee)).split())
    return given or f"account {(license.account_id or license.id)[:8]}"


def _clip(clip: Clip) -> dict[str, Any]:
    master, recording = clip.asset(AssetKind.MASTER), clip.recording
    return {
        "id": clip.id,
        "title": plain(clip.title),
        "essence_sha256": clip.essence_sha256,
        "master_sha256": master.sha256 if master else None,
        "recording": {
            "id": recording.id,
            "sha256": recording.sha256,
            "title": plain(recording.title),
        },
        "span_ms": _span_ms(clip),
    }


def _span_ms(clip: Clip) -> list[int]:
    """Of the recording: a reel's is from where its first part begins to where its last one ends."""
    session = object_session(clip)
    parts = [one for _, one in reels.parts(session, clip)] if session else []
    first, last = (parts[0], parts[-1]) if parts else (clip, clip)
    return [first.start_ms, last.end_ms]


def plain(text: str) -> str:
    """One line without what can't be seen or turns the text around."""
    seen = "".join(
        letter if letter in KEPT or unicodedata.category(letter) not in ("Cc", "Cf", "Cs") else " "
        for letter in unicodedata.normalize("NFC", text)
    )
    return " ".join(seen.split())
