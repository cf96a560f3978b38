"""Signing in and out, and the account's own page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import accounts, auth, mail, passwords, throttle, tokens
from catalog.auth import needs
from catalog.errors import BadRequest, CatalogError, Refusal
from catalog.letters import stops
from catalog.web import links
from catalog.web.rendering import page
from catalog.web.visitors import (
    GUEST,
    SIGN_IN,
    Asking,
    address_of,
    browser_of,
    forget_guest,
    guest,
    keep_signed_in,
    our_visitor,
    ours,
)
from models.account import Account, Secret
from models.base import now_ms, reading, unit_of_work
from models.settings import settings

READ = ["GET", "HEAD"]
HOUR_S, QUARTER_S = 3_600, 900
SECRET = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
"""Of a page whose address or text lets somebody in."""
Back = Annotated[str, Form(max_length=links.LONGEST)]
Email = Annotated[str, Form(max_length=254)]
Password = Annotated[str, Form(max_length=1_000)]
WRONG = "This address and this password don't fit together. Try again, or have a link sent."

router = APIRouter(include_in_schema=False)
ways_in = APIRouter(include_in_schema=False, dependencies=[Depends(our_visitor)])
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/sign-in", methods=READ)
def sign_in(
    request: Request,
    visitor: Asking,
    back: Annotated[str, Query(max_length=links.LONGEST)] = "/",
) -> Response:
    if visitor.account_id:
        return RedirectResponse(links.back_of(back), 303)
    return _form(request, back)


@ways_in.post("/sign-in")
def by_password(
    request: Request, email: Email, password: Password = "", back: Back = "/"
) -> Response:
    """The same work and the same words, whether the address is known or not."""
    back = links.back_of(back)
    with unit_of_work() as session:
        throttle.take(session, "sign-in at", address_of(request), 60, QUARTER_S)
        throttle.take(session, "sign-in as", email.strip().lower(), 10, QUARTER_S)
    with reading() as session:
        account = accounts.by_password(session, email, password)
        kept = passwords.renewed(account.password_hash, password) if account else ""
    if account is None:
        return _form(request, back, email=email, wrong=WRONG, status=401)
    with unit_of_work(account.id) as session:
        word = accounts.enter_as(session, account.id, kept, _guest(request), browser_of(request))
    return _entered(request, word, back)


@ways_in.post("/sign-in/link")
def send_link(request: Request, email: Email, back: Back = "/") -> Response:
    """Known or not, each address is sent one; the account is made when it is opened."""
    back = links.back_of(back)
    try:
        to = mail.address(email)
    except BadRequest as error:
        return _form(request, back, email=email, wrong=str(error), status=400)
    with unit_of_work() as session:
        throttle.take(session, "link at", address_of(request), 20, HOUR_S)
        throttle.take(session, "link to", to, 5, HOUR_S)
    with unit_of_work() as session:
        link = links.magic(session, to, back)
        until_ms = (session.scalar(select(now_ms())) or 0) + accounts.LINK_MS
        mail.write(session, to, "sign_in", link=link, until_ms=until_ms)
    kept_here = not settings().smtp_url
    return page(request, "sign_in_sent.html", email=to, kept_here=kept_here)


@router.api_route("/enter/{word}", methods=READ)
def link(request: Request, word: str) -> Response:
    """Changes nothing: programs that look into mails open what they find."""
    with reading() as session:
        found = accounts.look(session, word)
    guest(request)
    made = page(request, "enter.html", email=found.email, word=word)
    made.headers.update(SECRET)
    return made


@ways_in.post("/enter/{word}")
def enter(request: Request, word: str) -> Response:
    with unit_of_work() as session:
        throttle.take(session, "enter at", address_of(request), 60, QUARTER_S)
    with unit_of_work() as session:
        signed, back = accounts.enter(session, word, _guest(request), browser_of(request))
    return _entered(request, signed, back)


@changes.post("/sign-out")
def sign_out(request: Request) -> Response:
    with unit_of_work() as session:
        auth.end_sign_in(session, request.cookies.get(SIGN_IN, ""))
    keep_signed_in(request, "")
    return RedirectResponse("/", 303)


@router.api_route("/account", methods=READ)
def account(
    request: Request,
    visitor: Asking,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    needs(visitor)
    return _account(request, str(visitor.account_id), done=done)


@changes.post("/account/name")
def rename(
    request: Request, visitor: Asking, name: Annotated[str, Form(max_length=1_000)] = ""
) -> Response:
    needs(visitor)
    with unit_of_work(visitor.actor) as session:
        accounts.rename(session, str(visitor.account_id), name)
    return _done("name")


@changes.post("/account/password")
def set_password(
    request: Request, visitor: Asking, wanted: Password, current: Password = ""
) -> Response:
    needs(visitor)
    mine = str(visitor.account_id)
    with unit_of_work() as session:
        throttle.take(session, "password of", mine, 10, QUARTER_S)
    try:
        with reading() as session:
            made = accounts.new_password(session, mine, current, wanted)
    except (BadRequest, Refusal) as error:
        return _account(request, mine, wrong=error)
    with unit_of_work(visitor.actor) as session:
        accounts.set_password(session, mine, made, request.cookies.get(SIGN_IN, ""))
    return _done("password")


@changes.post("/account/sign-out-others")
def sign_out_others(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    with unit_of_work(visitor.actor) as session:
        keep = request.cookies.get(SIGN_IN, "")
        accounts.sign_out_others(session, str(visitor.account_id), keep)
    return _done("signed-out")


@changes.post("/account/tokens")
def make_token(
    request: Request,
    visitor: Asking,
    name: Annotated[str, Form(max_length=200)] = "",
    scope: Annotated[list[str] | None, Form(max_length=20)] = None,
    days: Annotated[int, Form(ge=1, le=365)] = 90,
) -> Response:
    """The answer is the only place where its word is ever shown; so it is no redirect."""
    needs(visitor)
    mine = str(visitor.account_id)
    try:
        with unit_of_work(visitor.actor) as session:
            _, word = tokens.make(session, mine, name, scope or [], days)
    except (BadRequest, Refusal) as error:
        return _account(request, mine, token_wrong=error, named=name, chosen=scope or [])
    made = _account(request, mine, word=word)
    made.headers.update(SECRET)
    return made


@changes.post("/account/tokens/{token_id}/revoke")
def revoke_token(request: Request, visitor: Asking, token_id: str) -> Response:
    needs(visitor)
    with unit_of_work(visitor.actor) as session:
        tokens.revoke(session, str(visitor.account_id), token_id)
    return _done("revoked")


router.include_router(ways_in)
router.include_router(changes)


def _form(
    request: Request, back: str, *, email: str = "", wrong: str = "", status: int = 200
) -> Response:
    guest(request)
    back = links.back_of(back)
    return page(request, "sign_in.html", status=status, back=back, email=email, wrong=wrong)


def _guest(request: Request) -> str:
    """Of the browser as it came: what it began becomes the account's."""
    return guest(request) if request.cookies.get(GUEST) else ""


def _entered(request: Request, word: str, back: str) -> Response:
    """A new word each time: what somebody else may know of this browser's cookies opens nothing."""
    before = request.cookies.get(SIGN_IN)
    if before:
        with unit_of_work() as session:
            auth.end_sign_in(session, before)
    keep_signed_in(request, word)
    forget_guest(request)
    return RedirectResponse(back, 303)


def _account(
    request: Request,
    account_id: str,
    *,
    done: str = "",
    word: str = "",
    wrong: CatalogError | None = None,
    token_wrong: CatalogError | None = None,
    named: str = "",
    chosen: list[str] | None = None,
) -> Response:
    with reading() as session:
        row = session.get_one(Account, account_id)
        now = session.scalar(select(now_ms())) or 0
        context = {
            "account": row,
            "creators": list(row.creators),
            "sign_ins": accounts.sign_ins(session, account_id),
            "tokens": tokens.of_account(session, account_id),
            "bounced": bounced(session, row.email),
        }
    status = next((one.status for one in (wrong, token_wrong) if one), 200)
    return page(
        request,
        "account.html",
        status=status,
        this=auth.sha256(request.cookies.get(SIGN_IN, "")),
        now=now,
        scopes=tokens.SCOPES,
        days=tokens.DAYS,
        done=done,
        word=word,
        wrong=wrong,
        token_wrong=token_wrong,
        named=named,
        chosen=chosen or [],
        **context,
    )


def bounced(session: Session, email: str) -> bool:
    """Mail that is owed goes there all the same, and may not arrive."""
    known = session.get(Secret, "stopped") is not None  # none was ever kept: it isn't made here
    return known and stops.reason(session, email) == stops.BOUNCED


def _done(what: str) -> Response:
    return RedirectResponse(f"/account?done={what}", 303)
