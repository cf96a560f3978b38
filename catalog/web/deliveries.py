"""A license's own page, its files, and the signed addresses that they leave by."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import certificates, deliveries, licenses
from catalog.entitlements import is_licensee
from catalog.signing import Mark
from catalog.web.rendering import page
from catalog.web.sending import send
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work

READ = ["GET", "HEAD"]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
router = APIRouter(include_in_schema=False)


@router.api_route("/licenses/{license_id}", methods=READ)
def show(request: Request, visitor: Asking, license_id: Id) -> Response:
    with reading() as session:
        row = licenses.visible(session, visitor, license_id)
        return page(
            request,
            "license.html",
            license=row,
            clip=row.listing.clip,
            state=deliveries.state(session, row),
            files=deliveries.files(session, row),
            mine=is_licensee(session, visitor, row.id),
            purpose=certificates.purpose(row.certificate) if row.certificate else "",
            limits=certificates.limits(row.certificate) if row.certificate else [],
            downloads=deliveries.history(session, row),
        )


@router.post("/licenses/{license_id}/downloads/{asset_id}", dependencies=[Depends(ours)])
def download(visitor: Asking, license_id: Id, asset_id: Id) -> Response:
    with unit_of_work(visitor.actor) as session:
        row = licenses.visible(session, visitor, license_id)
        address = deliveries.link(session, visitor, row, asset_id)
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


@router.api_route("/deliveries/{license_id}/{asset_id}/{name}", methods=READ)
def deliver(
    request: Request,
    license_id: Id,
    expires: Annotated[int, Query(ge=0, le=10**12)],
    key: Annotated[int, Query(ge=0, le=10**6)],
    signature: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")],
) -> Response:
    """For whoever holds the address, while it and the license last."""
    mark = Mark(expires, key, signature)
    with reading() as session:
        found = deliveries.opened(session, request.method, request.url.path, license_id, mark)
    answer = send(request, found.asset, attachment=deliveries.attachment(found.name))
    # A range that begins later goes on with a download that began before.
    begins = request.headers.get("range", "bytes=0-").startswith("bytes=0-")
    if request.method == "GET" and begins and answer.status_code < 300:
        with unit_of_work() as session:
            deliveries.note(session, license_id, found.asset.id, mark)
    return answer
