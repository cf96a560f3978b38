"""A license's own page, its files, and the signed addresses that they leave by."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import QueryParams

from catalog import certificates, deliveries, licenses, wholeness
from catalog.entitlements import is_licensee
from catalog.errors import Damaged
from catalog.signing import Mark
from catalog.web.rendering import page
from catalog.web.sending import send
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.storage import store

READ = ["GET", "HEAD"]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
MARK = {"expires": "[0-9]{1,12}", "key": "[0-9]{1,6}", "signature": "[0-9a-f]{64}"}
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


def deliver(request: Request) -> Response:
    """For whoever holds the address, while it and the license last. See catalog.web.media."""
    license_id, mark = request.path_params["license_id"], _mark(request.query_params)
    # A range that begins later goes on with a download that began before.
    begins = request.headers.get("range", "bytes=0-").startswith("bytes=0-")
    with reading() as session:
        found = deliveries.opened(session, request.method, request.url.path, license_id, mark)
        counts = request.method == "GET" and begins and not deliveries.noted(session, mark)
    # Once a link; a bucket looks after its own bytes.
    if counts and hasattr(store(), "folder") and not wholeness.look(found.asset):
        raise Damaged(wholeness.DAMAGED)
    answer = send(request, found.asset, attachment=deliveries.attachment(found.name))
    if counts and answer.status_code < 300:
        with unit_of_work() as session:
            deliveries.note(session, license_id, found.asset.id, mark)
    return answer


def _mark(asked: QueryParams) -> Mark:
    for name, form in MARK.items():
        if not re.fullmatch(form, asked.get(name, "")):
            wrong = {"loc": ("query", name), "msg": "is missing, or was changed"}
            raise RequestValidationError([wrong])
    return Mark(int(asked["expires"]), int(asked["key"]), asked["signature"])
