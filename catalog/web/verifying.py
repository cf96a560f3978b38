"""Pages where anyone checks a license or a file; the published keys; the certificate itself."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from catalog import certificates, keys, licenses, throttle, verifying
from catalog.auth import Visitor
from catalog.certificates import Verdict
from catalog.errors import BadRequest, CatalogError, NotFound
from catalog.listings import is_public
from catalog.verifying import Found
from catalog.web.receiving import Received, received
from catalog.web.rendering import page
from catalog.web.visitors import Asking, address_of, ours
from models.base import reading, unit_of_work
from models.listing import Listing

router = APIRouter(include_in_schema=False)
READ = ["GET", "HEAD"]
LOOKS, LOOKS_S = 120, 60
FILES, FILES_S = 30, 3600
"""How often one address may ask: pages a minute, files an hour."""


@router.api_route("/verify", methods=READ)
def ask(request: Request) -> Response:
    return _form(request)


@router.post("/verify")
async def check(request: Request) -> Response:
    """An id or a file. It changes nothing, but it costs: so only from our own page."""
    await run_in_threadpool(count_file, request)
    async with received(request) as got:
        return await run_in_threadpool(_checked, request, got)


@router.api_route("/verify/{license_id}", methods=READ)
def of_license(request: Request, visitor: Asking, license_id: str) -> Response:
    count_look(request)
    try:
        with reading() as session:
            verdict = certificates.verdict(session, verifying.license_id(license_id))
            return _told(request, visitor, verdict)
    except (NotFound, BadRequest) as error:
        return _form(request, license_id, _no_license(error), status=404)


@router.api_route("/keys", methods=READ)
def keys_page(request: Request) -> Response:
    return page(request, "keys.html", keys=keys.published(certificates.key_folder())[::-1])


@router.api_route("/.well-known/reelyard-keys.json", methods=READ)
def key_set() -> Response:
    """For everyone, also for scripts of other sites: these are public keys."""
    return JSONResponse(
        {"keys": keys.published(certificates.key_folder())},
        headers={"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"},
        media_type="application/jwk-set+json",
    )


@router.api_route("/licenses/{license_id}/certificate.json", methods=READ)
def as_json(visitor: Asking, license_id: str) -> Response:
    with reading() as session:
        document = licenses.visible(session, visitor, license_id).certificate
    return JSONResponse(document, headers=_attached(license_id, "json"))


@router.api_route("/licenses/{license_id}/certificate.pdf", methods=READ)
def as_pdf(visitor: Asking, license_id: str) -> Response:
    from catalog import certificate_sheet  # brings all of fpdf, a second of every start

    with reading() as session:
        clip = licenses.visible(session, visitor, license_id).listing.clip
        verdict = certificates.verdict(session, license_id)
        _ = clip.assets
    drawn = certificate_sheet.draw(verdict, certificate_sheet.still_of(clip))
    return Response(
        drawn, media_type="application/pdf", headers=_attached(license_id, "pdf", "inline")
    )


def count_look(request: Request) -> None:
    throttle.glance("verify", address_of(request), LOOKS, LOOKS_S)


def count_file(request: Request) -> None:
    with unit_of_work() as session:
        throttle.take(session, "verify", address_of(request), FILES, FILES_S)


def _checked(request: Request, got: Received) -> Response:
    ours(request, got.fields.get("form_token", ""))
    given = got.fields.get("license", "").strip()
    if given:
        try:
            return RedirectResponse(f"/verify/{verifying.license_id(given)}", 303)
        except BadRequest as error:
            return _form(request, given, _no_license(error), status=404)
    if not got.size:
        said = "Nothing was sent: type a license id, or choose a file."
        return _form(request, problem=said, status=400)
    try:
        return _found(request, verifying.examine(got.path))
    except CatalogError as error:
        return _form(request, problem=f"{error.title}. {error}", status=error.status)


def _form(request: Request, given: str = "", problem: str = "", status: int = 200) -> Response:
    return page(request, "verify.html", status=status, given=given[:100], problem=problem)


def _no_license(error: CatalogError) -> str:
    return f"Not a license of this Reelyard. {error} Look at the id on the certificate again."


def _told(request: Request, visitor: Visitor, verdict: Verdict) -> Response:
    return page(
        request,
        "verify_license.html",
        **_words(verdict),
        on_sale=_on_sale(verdict.clip_id),
        own=_may_have(visitor, verdict.license_id),
    )


def _found(request: Request, found: Found) -> Response:
    license = _words(found.license) if found.license else {"verdict": None}  # noqa: A001 (the noun)
    on_sale = found.clip is not None and _on_sale(found.clip.id)
    return page(request, "verify_file.html", found=found, on_sale=on_sale, **license)


def _words(verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "said": verdict.document,
        "limits": certificates.limits(verdict.document),
        "purpose": certificates.purpose(verdict.document),
        "written": certificates.written,
        "fingerprint": certificates.fingerprint(verdict.document),
    }


def _on_sale(clip_id: str) -> bool:
    with reading() as session:
        return session.query(Listing.id).where(Listing.clip_id == clip_id, is_public()).count() > 0


def _may_have(visitor: Visitor, license_id: str) -> bool:
    try:
        with reading() as session:
            return bool(licenses.visible(session, visitor, license_id))
    except NotFound:
        return False


def _attached(license_id: str, suffix: str, how: str = "attachment") -> dict[str, str]:
    return {
        "Content-Disposition": f'{how}; filename="license-{license_id}.{suffix}"',
        "Cache-Control": "private, no-cache",
    }
