"""Money for those who earn it and those who keep the books: earnings, the ledger, both as CSV."""

import re
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from catalog import earnings
from catalog.auth import needs
from catalog.errors import BadRequest
from catalog.payments import balance, ledger
from catalog.web.rendering import page
from catalog.web.visitors import Asking
from models.account import Role
from models.base import reading

READ = ["GET", "HEAD"]
LISTED = 100
CLIPS = 200
Cursor = Annotated[str | None, Query(max_length=80)]
router = APIRouter(include_in_schema=False)


@router.api_route("/earnings", methods=READ)
def show(request: Request, visitor: Asking, cursor: Cursor = None) -> Response:
    with reading() as session:
        found = earnings.page(session, visitor, cursor, LISTED)
        return page(
            request,
            "earnings.html",
            sales=found.rows,
            sold=found.total,
            cursor=cursor,
            next_cursor=found.next_cursor,
            sums=earnings.totals(session, visitor),
            by_clip=earnings.by_clip(session, visitor, CLIPS),
            by_month=earnings.by_month(session, visitor),
            unassigned=earnings.unassigned(session, visitor),
            house=visitor.has(Role.STAFF) and not visitor.creator_ids,
        )


@router.api_route("/earnings.csv", methods=READ)
def as_csv(visitor: Asking) -> Response:
    return _file(earnings.as_csv(visitor), "earnings.csv")


@router.api_route("/staff/ledger", methods=READ)
def books(
    request: Request, visitor: Asking, before: Annotated[str, Query(max_length=240)] = ""
) -> Response:
    needs(visitor, Role.STAFF)
    mark = re.fullmatch(r"(\d{1,15})~(.{1,200})", before)
    if before and not mark:
        raise BadRequest("The page mark in this address is damaged. Start from the first page.")
    with reading() as session:
        rows = ledger.page(session, (int(mark[1]), mark[2]) if mark else None)
        last = rows[-1] if len(rows) == ledger.PAGE else None
        return page(
            request,
            "ledger.html",
            rows=rows,
            sums=ledger.sums(session),
            unsettled=balance.unsettled(session) if not before else {},
            older=f"{last.received_ms}~{last.event_id}" if last else "",
            first=not before,
        )


@router.api_route("/staff/ledger.csv", methods=READ)
def books_csv(visitor: Asking) -> Response:
    needs(visitor, Role.STAFF)
    with reading() as session:
        text = ledger.as_csv(session)
    return _file(text, "ledger.csv")


def _file(text: str | Iterator[str], name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-cache",
    }
    pieces = iter([text]) if isinstance(text, str) else text
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)
