"""Letters' pages: asking for them, confirming, choosing, ending; the doors of mail programs.

Whoever opens a link of a letter is taken for the reader of its mailbox, signed in or not. A GET
changes nothing: programs that look into mails open what they find.
"""

import hmac
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from catalog import mail
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.letters import bounces, links, preferences, subscribers
from catalog.letters.purposes import KEPT, PURPOSES, RHYTHMS, offered
from catalog.web import honeypot
from catalog.web.account import READ, SECRET
from catalog.web.rendering import page
from catalog.web.staff import only_staff
from catalog.web.visitors import Asking, ours
from models.account import Account
from models.base import reading, unit_of_work
from models.consent import Subscriber, SubscriberState
from models.creator import Creator
from models.listing import Listing, is_public
from models.settings import settings

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])
staff = APIRouter(include_in_schema=False, dependencies=[Depends(only_staff)])
MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""Of a mail as its reader sees it: its styles are inline, and nothing in it runs or loads."""
FRAMED_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)
Slug = Annotated[str, Query(max_length=200)]
Ticked = Annotated[list[str] | None, Form(max_length=100)]


@router.api_route("/letters", methods=READ)
def sign_up(request: Request, creator: Slug = "") -> Response:
    return _sign_up(request, creator)


@changes.post("/letters")
def ask(
    request: Request,
    visitor: Asking,
    email: Annotated[str, Form(max_length=300)] = "",
    purpose: Ticked = None,
    creator: Annotated[str, Form(max_length=200)] = "",
    website: honeypot.Trap = "",
) -> Response:
    """The same answer for an address that is known and one that is not, and for whoever filled in
    the field that people don't see.
    """
    honeypot.unhurried(request, "letters", 20)
    with reading() as session:
        whose = _creator(session, creator)
    if whose is None:
        raise BadRequest("Letters are of one creator: ask for them on the creator's page.")
    ticked = [one for one in purpose or () if one in offered()]
    try:
        to = mail.address(email)
        if not ticked:
            raise BadRequest("Tick what you would like to get. Nothing was asked for yet.")
    except BadRequest as error:
        return _sign_up(request, creator, email=email, ticked=ticked, wrong=str(error))
    own = False
    if not honeypot.fell_in(website):
        with unit_of_work(visitor.actor) as session:
            wishes = [(one, whose.id) for one in ticked]
            rows = subscribers.ask_all(session, to, wishes, "form")
        done = all(one.state == SubscriberState.CONFIRMED for one in rows)
        own = bool(visitor.account_id) and visitor.email == to and done
    kept_here = not settings().smtp_url
    return page(
        request, "letters_asked.html", email=to, own=own, creator=whose, kept_here=kept_here
    )


@router.api_route("/letters/confirm/{word}", methods=READ)
def look_at_wish(request: Request, word: str) -> Response:
    """What it confirmed already is told as confirmed."""
    try:
        with reading() as session:
            rows = subscribers.asked_with(session, word)
            done = all(one.state == SubscriberState.CONFIRMED for one in rows)
            return _confirming(request, session, rows, done=done)
    except subscribers.LinkOver as error:
        return _over(request, error)


@changes.post("/letters/confirm/{word}")
def confirm(request: Request, word: str) -> Response:
    try:
        with unit_of_work() as session:
            rows = subscribers.confirm(session, word)
            return _confirming(request, session, rows, done=True)
    except subscribers.LinkOver as error:
        return _over(request, error)


@router.api_route("/letters/unsubscribe/{word}", methods=READ)
def look_at_end(request: Request, word: str) -> Response:
    """What was ended by it already is told as ended."""
    with reading() as session:
        kind, subscriber_id = links.read(session, word, links.END, links.END_ALL)
        row = session.get(Subscriber, subscriber_id)
        done = row is not None and not _goes_on(session, row, whole=kind == links.END_ALL)
        return _ended(request, session, word, done=done)


@router.post("/letters/unsubscribe/{word}")
def unsubscribe(request: Request, word: str) -> Response:
    """RFC 8058: from a mail provider, with no cookie and no page of ours before it. So the signed
    word alone is asked for, the body is not looked at, and twice is as good as once.
    """
    with unit_of_work() as session:
        kind, subscriber_id = links.read(session, word, links.END, links.END_ALL)
        row = session.get(Subscriber, subscriber_id)
        if row is not None:
            whose = None if kind == links.END_ALL else row.creator_id
            subscribers.end(session, row.email, row.purpose, whose)
        return _ended(request, session, word, done=True)


@router.api_route("/letters/preferences/{word}", methods=READ)
def show_preferences(request: Request, word: str) -> Response:
    with reading() as session:
        email = _email(session, word)
        return _preferences(request, session, email, word)


@changes.post("/letters/preferences/{word}")
def save_preferences(
    request: Request,
    word: str,
    on: Ticked = None,
    rhythm: Ticked = None,
    do: Annotated[str, Form(max_length=10)] = "save",
) -> Response:
    with unit_of_work() as session:
        email = _email(session, word)
        done = _save(session, email, on, rhythm, do)
        return _preferences(request, session, email, word, done=done)


@router.api_route("/account/letters", methods=READ)
def show_own(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        return _preferences(request, session, _own(session, visitor), "")


@changes.post("/account/letters")
def save_own(
    request: Request,
    visitor: Asking,
    on: Ticked = None,
    rhythm: Ticked = None,
    do: Annotated[str, Form(max_length=10)] = "save",
) -> Response:
    with unit_of_work(visitor.actor) as session:
        email = _own(session, visitor)
        done = _save(session, email, on, rhythm, do, own=True)
        return _preferences(request, session, email, "", done=done)


@router.post("/letters/bounces")
async def hear(request: Request) -> Response:
    """What a mail server got back for us, as it is. By a token, for it can make addresses mute."""
    token = settings().bounce_token
    kind, _, shown = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise NotFound("This door is closed: no token is set for it.")
    if kind.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), token.encode()):
        answer = "This token opens nothing.\n"
        return PlainTextResponse(answer, 401, {"WWW-Authenticate": 'Bearer realm="bounces"'})
    return await run_in_threadpool(_heard, await request.body())


@staff.api_route("/outbox/{mail_id}/look", methods=READ)
def look_at_mail(mail_id: str, framed: bool = False) -> Response:
    """A mail as its reader sees it. `framed`: in a page of ours, whose place its links take."""
    with reading() as session:
        text = mail.html_of(mail.get(session, mail_id))
    if not text:
        raise NotFound("The text of this mail is kept nowhere.")
    headers = {**SECRET, "Content-Security-Policy": MAIL_CSP}
    if framed:
        text = text.replace("<head>", '<head>\n<base target="_top">', 1)
        headers["Content-Security-Policy"] = FRAMED_CSP
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


router.include_router(changes)
router.include_router(staff)


def _heard(raw: bytes) -> Response:
    with unit_of_work() as session:
        heard = bounces.heard(session, raw)
    return PlainTextResponse(f"{heard or 'nothing follows'}\n")


def _sign_up(
    request: Request,
    slug: str,
    *,
    email: str = "",
    ticked: list[str] | None = None,
    wrong: str = "",
) -> Response:
    with reading() as session:
        whose = _creator(session, slug)
        others = [] if whose else _creators(session)
    return page(
        request,
        "letters.html",
        status=400 if wrong else 200,
        creator=whose,
        others=others,
        purposes={key: PURPOSES[key] for key in offered()},
        kept=KEPT,
        email=email,
        ticked=ticked or [],
        wrong=wrong,
    )


def _creator(session: Session, slug: str) -> Creator | None:
    """Of a form or an address. Raises NotFound."""
    if not slug:
        return None
    found = session.scalars(select(Creator).where(Creator.slug == slug)).one_or_none()
    if found is None:
        raise NotFound("There is no such creator.")
    return found


def _creators(session: Session) -> Sequence[Creator]:
    """Who has something on sale."""
    shown = select(Listing.id).where(Listing.creator_id == Creator.id, is_public())
    wanted = select(Creator).where(shown.exists()).order_by(Creator.name, Creator.id)
    return session.scalars(wanted.limit(200)).all()


def _named(session: Session, rows: Sequence[Subscriber]) -> list[tuple[str, str]]:
    """What each is called, and by whom."""
    found = ((one.purpose, session.get(Creator, one.creator_id)) for one in rows)
    return [(PURPOSES[key].title, whose.name if whose else "") for key, whose in found]


def _email(session: Session, word: str) -> str:
    _, subscriber_id = links.read(session, word, links.PREFERENCES)
    row = session.get(Subscriber, subscriber_id)
    if row is None:
        raise subscribers.LinkOver("What it was about is deleted, so nothing comes any more.")
    return row.email


def _own(session: Session, visitor: Visitor) -> str:
    needs(visitor)
    account = session.get_one(Account, str(visitor.account_id))
    if account.verified_ms is None:
        raise Refusal("First sign in once by a link that is sent to your address.")
    return account.email


def _save(
    session: Session,
    email: str,
    on: list[str] | None,
    rhythm: list[str] | None,
    do: str,
    *,
    own: bool = False,
) -> str:
    """What was done. `rhythm`: what each choice is set to, as NAME=day."""
    if do == "none":
        subscribers.end(session, email)
        return "none"
    if do == "lift":
        asked = preferences.again(session, email, own=own)
        return "asked" if asked else "lift" if own else ""
    pairs = (one.partition("=") for one in rhythm or ())
    rhythms = {name: word for name, _, word in pairs}
    asked = preferences.save(session, email, on or [], rhythms, own=own)
    return "asked" if asked else "save"


def _preferences(
    request: Request, session: Session, email: str, word: str, *, done: str = ""
) -> Response:
    """`word`: of the link; empty for an account's own page."""
    return _secret(
        request,
        "letters_preferences.html",
        found=preferences.of(session, email, own=not word),
        email=preferences.masked(email) if word else email,
        own=not word,
        action=f"/letters/preferences/{word}" if word else "/account/letters",
        rhythms=RHYTHMS,
        done=done,
    )


def _goes_on(session: Session, row: Subscriber, *, whole: bool) -> bool:
    """Whether there is anything left that this link would end."""
    alike = (one for one in subscribers.of_email(session, row.email) if one.purpose == row.purpose)
    alive = [one for one in alike if one.state != SubscriberState.ENDED]
    return any(whole or one.creator_id == row.creator_id for one in alive)


def _confirming(
    request: Request, session: Session, rows: Sequence[Subscriber], *, done: bool
) -> Response:
    choose = links.preferences(session, rows[0].id) if done else ""
    return _secret(
        request,
        "letters_confirm.html",
        wishes=_named(session, rows),
        email=rows[0].email,
        done=done,
        choose=choose.removeprefix(settings().base_url),
    )


def _over(request: Request, error: subscribers.LinkOver) -> Response:
    return _secret(request, "letters_over.html", status=error.status, error=error)


def _ended(request: Request, session: Session, word: str, *, done: bool) -> Response:
    kind, subscriber_id = links.read(session, word, links.END, links.END_ALL)
    row = session.get(Subscriber, subscriber_id)
    choose = links.preferences(session, row.id) if row and done else ""
    whole = kind == links.END_ALL
    return _secret(
        request,
        "letters_unsubscribe.html",
        wishes=_named(session, [row] if row else []),
        whole=whole,
        email=preferences.masked(row.email) if row else "",
        done=done,
        choose=choose.removeprefix(settings().base_url),
    )


def _secret(request: Request, name: str, **context: Any) -> Response:
    made = page(request, name, **context)
    made.headers.update(SECRET)
    return made
