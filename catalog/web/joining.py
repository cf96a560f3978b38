"""A creator's public page, and joining: choose a tier, say who you are, pay, be welcome.

A visitor without an account gets a link by mail; it leads back to what was chosen. The boxes that
were ticked come back with it only where this form sent them: an address that somebody else made
ticks nothing.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from catalog import accounts, auth, mail, throttle
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, Refusal
from catalog.letters import subscribers
from catalog.letters.purposes import KEPT, PURPOSES
from catalog.members import (
    billing,
    charge_rows,
    consents,
    inviting,
    ladder,
    memberships,
    methods,
    perks,
    trials,
)
from catalog.members.joining import period_of
from catalog.members.perks import feed
from catalog.payments.processors import chosen as processor
from catalog.web import honeypot, links
from catalog.web.account import HOUR_S, READ
from catalog.web.charges import onwards
from catalog.web.rendering import page
from catalog.web.visitors import Asking, address_of, ours
from models.base import reading, unit_of_work
from models.listing import Listing
from models.membership import MembershipState, Period, Tier
from models.settings import settings

Slug = Annotated[str, Path(max_length=200)]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, Query(max_length=100)]
Ticked = Annotated[list[str] | None, Form(max_length=20)]
ASKED = ("history",)
"""Of the consents, those that joining asks for."""
SHOWN = 8
LOOKED_AT = 48
PERIODS = {Period.MONTH: "month", Period.YEAR: "year"}

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@dataclass(frozen=True)
class Chosen:
    """What somebody wants, as the form or the address says."""

    period: Period
    tier: str = ""
    """Its key."""
    letters: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    email: str = ""

    @property
    def said(self) -> str:
        return ".".join([*self.letters, *(f"c-{one}" for one in self.consents)])


@router.api_route("/creators/{slug}", methods=READ)
def creator(request: Request, visitor: Asking, slug: Slug) -> Response:
    with reading() as session:
        shown, now = inviting.creator(session, slug), now_of(session)
        return page(
            request,
            "join_creator.html",
            creator=shown,
            line=inviting.line(session, visitor, shown, now),
            membership=inviting.member(session, visitor, shown.id),
            early=early_of(session, visitor, shown.id, now),
            listings=inviting.newest(session, shown.id),
            series=inviting.series(session, shown.id),
        )


@router.api_route("/creators/{slug}/join", methods=READ)
def show(
    request: Request,
    visitor: Asking,
    slug: Slug,
    tier: Word = "",
    period: Word = "month",
    said: Annotated[str, Query(max_length=200)] = "",
    mark: Word = "",
) -> Response:
    chosen = Chosen(_period(period), tier)
    if said and visitor.account_id:
        with unit_of_work() as session:  # it may make the key
            own = hmac.compare_digest(mark.encode(), _mark(session, visitor.email, said).encode())
        chosen = _with_ticks(chosen, said.split(".")) if own else chosen
    return _shown(request, visitor, slug, chosen)


@changes.post("/creators/{slug}/join")
def join(
    request: Request,
    visitor: Asking,
    slug: Slug,
    tier_id: Annotated[str, Form(max_length=32)],
    period: Annotated[str, Form(max_length=10)],
    cents: Annotated[int, Form(ge=0, le=10**9)],
    currency: Annotated[str, Form(max_length=3)],
    email: Annotated[str, Form(max_length=300)] = "",
    website: honeypot.Trap = "",
    letters: Ticked = None,
    consent: Ticked = None,
    trial: Annotated[int, Form(ge=0, le=100)] = 0,
) -> Response:
    """`trial`: its days, as the page said them; 0: paid from the first day."""
    honeypot.unhurried(request, "join", 40)
    with reading() as session:
        inviting.creator(session, slug)
        tier = session.get(Tier, tier_id)
    ticks = [*(letters or ()), *(f"c-{one}" for one in consent or ())]
    chosen = _with_ticks(Chosen(_period(period), tier.key if tier else "", email=email), ticks)
    try:
        period_of(period)
        if visitor.account_id is None:
            return _by_link(request, slug, chosen, website)
        if honeypot.fell_in(website):
            return RedirectResponse(_address(slug, chosen), 303)
        if trial:
            with reading() as session:
                trials.needs(session, tier_id, chosen.period, trial)
        way = billing.join(
            visitor, tier_id, period, cents=cents, currency=currency, trial_days=trial
        )
    except CatalogError as error:
        if not isinstance(error, (Refusal, BadRequest)):
            raise
        return _shown(request, visitor, slug, chosen, wrong=error)
    with unit_of_work(visitor.actor) as session:
        charge = charge_rows.visible(session, visitor, way.charge_id)
        _keep(session, visitor, charge.creator_id, chosen)
        here = f"/memberships/{charge.membership_id}"
    return onwards(request, way.url, f"{here}/welcome")


@router.api_route("/memberships/{membership_id}/welcome", methods=READ)
def welcome(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        membership = memberships.mine(session, visitor, membership_id)
        if membership.state in (MembershipState.PENDING, MembershipState.ENDED):
            return RedirectResponse(f"/memberships/{membership.id}?back=1", 303)
        now, creator_id = now_of(session), membership.creator_id
        asked = subscribers.of_email(session, visitor.email)
        return page(
            request,
            "join_welcome.html",
            membership=membership,
            early=early_of(session, visitor, creator_id, now),
            gives=memberships.has_perks(membership, now),
            kinds=perks.kinds(membership.tier),
            has_address=feed.has_address(session, membership),
            coming=inviting.coming(session, creator_id, now),
            trial=memberships.in_trial(membership),
            letters=[
                PURPOSES[one.purpose].title
                for one in asked
                if one.creator_id == creator_id and one.state == "confirmed"
            ],
        )


router.include_router(changes)


def early_of(session: Session, visitor: Visitor, creator_id: str, at_ms: int) -> list[Listing]:
    """Of this creator, what is early for this member."""
    found = ladder.early_for(session, visitor, at_ms, LOOKED_AT).rows
    return [one for one in found if one.creator_id == creator_id][:SHOWN]


def _by_link(request: Request, slug: str, chosen: Chosen, website: str) -> Response:
    """The same answer for every address, and for what fills in every field."""
    to = mail.address(chosen.email)
    if not honeypot.fell_in(website):
        with unit_of_work() as session:
            throttle.take(session, "link at", address_of(request), 20, HOUR_S)
            throttle.take(session, "link to", to, 5, HOUR_S)
        with unit_of_work() as session:
            back = _address(slug, chosen, _mark(session, to, chosen.said))
            link = links.magic(session, to, back)
            until_ms = now_of(session) + accounts.LINK_MS
            mail.write(session, to, "sign_in", link=link, until_ms=until_ms)
    kept_here = not settings().smtp_url
    again = _address(slug, chosen)
    return page(request, "join_sent.html", email=to, kept_here=kept_here, again=again)


def _shown(
    request: Request,
    visitor: Visitor,
    slug: str,
    chosen: Chosen,
    *,
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        shown, now = inviting.creator(session, slug), now_of(session)
        steps = inviting.steps(session, shown, chosen.period, now)
        step = next((one for one in steps if one.tier.key == chosen.tier), None)
        method = methods.stored(session, visitor.account_id) if visitor.account_id else None
        return page(
            request,
            "join.html",
            status=wrong.status if wrong else 200,
            creator=shown,
            steps=steps,
            step=step,
            chosen=chosen,
            period=PERIODS[chosen.period],
            address=lambda tier, period: _address(slug, Chosen(Period(period), tier)),
            membership=inviting.member(session, visitor, shown.id),
            own=visitor.works_for(shown.id),
            coming=inviting.coming(session, shown.id, now),
            renewals=inviting.renewals(now, chosen.period),
            trials=trials.of_creator(session, visitor, shown, now),
            method=method,
            processor=processor(),
            letters=PURPOSES,
            letters_kept=KEPT,
            consents={key: consents.PURPOSES[key] for key in ASKED},
            wrong=wrong,
        )


def _keep(session: Session, visitor: Visitor, creator_id: str, chosen: Chosen) -> None:
    """What was ticked; letters are confirmed at once where the address is known to be theirs."""
    wishes = [(one, creator_id) for one in chosen.letters]
    if wishes:
        subscribers.ask_all(session, visitor.email, wishes, "join")
    for one in chosen.consents:
        consents.give(session, str(visitor.account_id), one, "join")


def _with_ticks(chosen: Chosen, ticks: list[str]) -> Chosen:
    letters = tuple(one for one in PURPOSES if one in ticks)
    return replace(
        chosen, letters=letters, consents=tuple(one for one in ASKED if f"c-{one}" in ticks)
    )


def _address(slug: str, chosen: Chosen, mark: str = "") -> str:
    fields = {"tier": chosen.tier, "period": chosen.period.value}
    if mark and chosen.said:
        fields |= {"said": chosen.said, "mark": mark}
    kept = {name: value for name, value in fields.items() if value}
    return f"/creators/{quote(slug, safe='')}/join?{urlencode(kept)}"


def _mark(session: Session, email: str, said: str) -> str:
    key = auth.secret(session, "join").encode()
    return hmac.new(key, f"{email} {said}".encode(), hashlib.sha256).hexdigest()[:32]


def _period(text: str) -> Period:
    return Period.YEAR if text == "year" else Period.MONTH
