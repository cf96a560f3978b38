"""Staff's pages: who may do what, who works for which creator, what was done by whom, mails."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import accounts, mail
from catalog.auth import needs
from catalog.errors import CatalogError
from catalog.paged import PAGE
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours
from models.account import Account, Role
from models.base import reading, unit_of_work

READ = ["GET", "HEAD"]
From = Annotated[int, Query(ge=0, le=10_000_000, alias="from")]
Word = Annotated[str, Query(max_length=100)]
WAYS = {"text": "As text", "html": "As its reader sees it", "phone": "On a phone"}
"""In which a mail is shown."""


def only_staff(visitor: Asking) -> None:
    needs(visitor, Role.STAFF)


router = APIRouter(include_in_schema=False, dependencies=[Depends(only_staff)])
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/staff", methods=READ)
def people(request: Request, q: Word = "", offset: From = 0, done: Word = "") -> Response:
    return _people(request, q, offset, done)


@changes.post("/staff/accounts")
def make_account(
    request: Request, visitor: Asking, email: Annotated[str, Form(max_length=254)] = ""
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            made = accounts.account_of(session, email)
    except CatalogError as error:
        return _people(request, email, 0, "", error)
    return RedirectResponse(with_query("/staff", q=made.email, done=made.email), 303)


@changes.post("/staff/accounts/{account_id}/roles")
def set_roles(
    request: Request,
    visitor: Asking,
    account_id: str,
    role: Annotated[list[str] | None, Form(max_length=10)] = None,
    q: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            changed = accounts.set_roles(session, account_id, role or [])
    except CatalogError as error:
        if error.status == 404:
            raise
        return _people(request, q, 0, "", error)
    return RedirectResponse(with_query("/staff", q=q, done=changed.email), 303)


@router.api_route("/staff/creators", methods=READ)
def creators(request: Request, offset: From = 0, done: Word = "") -> Response:
    return _creators(request, offset, done)


@changes.post("/staff/creators/{creator_id}")
def give_desk(
    request: Request,
    visitor: Asking,
    creator_id: str,
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            changed = accounts.give_desk(session, creator_id, email)
    except CatalogError as error:
        if error.status == 404:
            raise
        return _creators(request, 0, "", error)
    return RedirectResponse(with_query("/staff/creators", done=changed.name), 303)


@router.api_route("/staff/events", methods=READ)
def events(
    request: Request,
    kind: Word = "",
    subject: Word = "",
    actor: Word = "",
    offset: From = 0,
) -> Response:
    """Everything that was changed, newest first. `actor` may be an e-mail address."""
    with reading() as session:
        by = accounts.actor_of(session, actor.strip())
        found = accounts.events(
            session, kind=kind.strip(), subject=subject.strip(), actor=by, offset=offset
        )
        names = accounts.names(session, [one.actor for one in found.rows])
    asked = {"kind": kind, "subject": subject, "actor": actor}
    return page(
        request,
        "staff_events.html",
        found=found,
        names=names,
        asked=asked,
        **_pages("/staff/events", offset, found.more, **asked),
    )


@router.api_route("/outbox", methods=READ)
def outbox(request: Request, to: Word = "", state: Word = "", offset: From = 0) -> Response:
    """`to`: a part of the reader's address."""
    asked = {"to": to.strip(), "state": state if state in mail.STATES else ""}
    with reading() as session:
        found = mail.written(session, offset, **asked)
    return page(
        request,
        "outbox.html",
        found=found,
        first=offset + 1,
        asked=asked,
        states=mail.STATES,
        **_pages("/outbox", offset, found.more, **asked),
    )


@router.api_route("/outbox/{mail_id}", methods=READ)
def letter(
    request: Request, mail_id: str, way: Annotated[str, Query(alias="as", max_length=20)] = "text"
) -> Response:
    """What a mail says is never run here: it is text, or in a frame that may do nothing."""
    with reading() as session:
        found = mail.get(session, mail_id)
    made = page(
        request,
        "letter.html",
        mail=found,
        head=mail.head_of(found),
        parts=_parts(mail.text_of(found)),
        ways=WAYS,
        way=way if way in WAYS else "text",
    )
    made.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    return made


router.include_router(changes)


def _parts(text: str) -> list[tuple[str, bool]]:
    """Pieces of the text, and whether each is an address of this house that may be a link."""
    own = re.escape(mail.home())
    pieces = re.split(rf"({own}/[^\s<>\"']*)", text)
    return [(piece, i % 2 == 1) for i, piece in enumerate(pieces) if piece]


def _people(
    request: Request, q: str, offset: int, done: str, wrong: CatalogError | None = None
) -> Response:
    with reading() as session:
        found = accounts.found(session, q.strip(), offset)
    return page(
        request,
        "staff.html",
        status=wrong.status if wrong else 200,
        found=found,
        roles=list(Role),
        q=q,
        done=done,
        wrong=wrong,
        **_pages("/staff", offset, found.more, q=q),
    )


def _creators(
    request: Request, offset: int, done: str, wrong: CatalogError | None = None
) -> Response:
    with reading() as session:
        found = accounts.creators(session, offset)
        emails = {
            one.account_id: session.get_one(Account, one.account_id).email
            for one in found.rows
            if one.account_id
        }
    return page(
        request,
        "staff_creators.html",
        status=wrong.status if wrong else 200,
        found=found,
        emails=emails,
        done=done,
        wrong=wrong,
        **_pages("/staff/creators", offset, found.more),
    )


def _pages(path: str, offset: int, more: bool, **fields: str) -> dict[str, Any]:
    """Addresses of the pages before and after this one; empty where there is none."""
    before = max(offset - PAGE, 0)
    after = offset + PAGE
    return {
        "newer": with_query(path, **fields, **{"from": before}) if offset else "",
        "older": with_query(path, **fields, **{"from": after}) if more else "",
    }
