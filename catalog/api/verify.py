"""The proof of a license, and what a file is licensed for, for programs."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from catalog import certificates, verifying
from catalog.api.routes import PROBLEMS
from catalog.certificates import State, Verdict
from catalog.errors import BadRequest, NotFound
from catalog.keys import Signature
from catalog.verifying import Found
from catalog.web.receiving import received
from catalog.web.verifying import count_file, count_look
from models.base import reading
from models.clip import Clip

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Proof"])
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "requestBody": {
        "required": True,
        "description": "The file, 2 GB at most; or a form with it in the field `file`",
        "content": {
            "application/octet-stream": BINARY,
            "video/mp4": BINARY,
            "application/json": {"schema": {"type": "object"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": BINARY["schema"]}}
            },
        },
    }
}


class ClipProof(BaseModel):
    id: str
    title: str
    recording_id: str
    recording_title: str
    recording_sha256: str
    start_ms: int = Field(description="Of the recording")
    end_ms: int


class LicenseProof(BaseModel):
    license_id: str
    state: State
    holds: bool = Field(description="Granted, begun, neither over nor revoked, signature valid")
    sentence: str = Field(description="All of it in words")
    signature: Signature
    licensee: str
    rights_holder: str
    terms: dict[str, Any] = Field(description="Kind, version, title and the sha256 of the text")
    use: dict[str, Any]
    allows: dict[str, bool]
    clip: ClipProof
    granted_ms: int
    starts_ms: int
    ends_ms: int | None = Field(description="None: it does not end")
    revoked_ms: int | None
    checked_ms: int = Field(description="When this was so")
    url: str
    fingerprint: str = Field(description="sha256 of the signed JSON in its canonical form")


class FileProof(BaseModel):
    said: Literal["license", "not licensed", "changed", "somebody else's", "unknown"]
    sentence: str
    found_by: Literal["bytes", "manifest", "signature", ""]
    license: LicenseProof | None
    clip: ClipProof | None
    problems: list[str]


@router.get("/licenses/{license_id}/verify", summary="Does a license hold? For anyone")
def verify_license(request: Request, license_id: str) -> LicenseProof:
    """By the id that a certificate shows. Neither price nor e-mail address is told."""
    count_look(request)
    try:
        id_ = verifying.license_id(license_id)
    except BadRequest as error:
        raise NotFound(str(error)) from None
    with reading() as session:
        return license_proof(certificates.verdict(session, id_))


@router.post("/verify", summary="What is this file licensed for?", openapi_extra=BODY)
async def verify_file(request: Request) -> FileProof:
    """A clip, by its bytes or its manifest, or a license's JSON, by its signature."""
    await run_in_threadpool(count_file, request)
    async with received(request, bare=True) as got:
        if not got.size:
            raise BadRequest("Send the file as the body, or in the field `file` of a form.")
        found = await run_in_threadpool(verifying.examine, got.path)
        return await run_in_threadpool(file_proof, found)


def license_proof(verdict: Verdict) -> LicenseProof:
    said = verdict.document
    clip, recording = said["clip"], said["clip"]["recording"]
    return LicenseProof(
        license_id=verdict.license_id,
        state=verdict.state,
        holds=verdict.holds,
        sentence=verdict.sentence,
        signature=verdict.signature,
        licensee=said["licensee"],
        rights_holder=said["rights_holder"]["name"],
        terms=said["terms"],
        use=said["use"],
        allows=said["allows"],
        clip=ClipProof(
            id=clip["id"],
            title=clip["title"],
            recording_id=recording["id"],
            recording_title=recording["title"],
            recording_sha256=recording["sha256"],
            start_ms=clip["span_ms"][0],
            end_ms=clip["span_ms"][1],
        ),
        granted_ms=_ms(said["granted"]),
        starts_ms=_ms(said["starts"]),
        ends_ms=_ms(said["ends"]) if said["ends"] else None,
        revoked_ms=verdict.revoked_ms,
        checked_ms=verdict.at_ms,
        url=said["verify"],
        fingerprint=certificates.fingerprint(said),
    )


def file_proof(found: Found) -> FileProof:
    return FileProof(
        said=found.said,
        sentence=found.sentence,
        found_by=found.by,
        license=license_proof(found.license) if found.license else None,
        clip=_clip(found.clip) if found.clip else None,
        problems=list(found.problems),
    )


def _clip(clip: Clip) -> ClipProof:
    return ClipProof(
        id=clip.id,
        title=clip.title,
        recording_id=clip.recording_id,
        recording_title=clip.recording.title,
        recording_sha256=clip.recording.sha256,
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
    )


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
