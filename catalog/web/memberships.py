"""One's memberships: how each stands, changing, pausing, leaving, withdrawing. Paying:
catalog.web.paying.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import invoices
from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.members import (
    announcements,
    billing,
    changes,
    charge_rows,
    downloads,
    inviting,
    ladder,
    leaving,
    memberships,
    methods,
    pausing,
    paybacks,
    perks,
    standing,
    tiers,
)
from catalog.members.joining import period_of
from catalog.members.perks import discount, feed
from catalog.web.account import READ, bounced
from catalog.web.charges import onwards
from catalog.web.joining import SHOWN, early_of
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours
from models.base import reading
from models.event import Event
from models.membership import (
    Charge,
    ChargeKind,
    ChargeState,
    Membership,
    MembershipState,
    Period,
    Tier,
)

Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, Query(max_length=20)]
Field = Annotated[str, Form(max_length=32)]
PERIODS = (Period.MONTH, Period.YEAR)

router = APIRouter(include_in_schema=False)
posts = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/memberships", methods=READ)
def listed(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    with reading() as session:
        now = now_of(session)
        found = [
            standing.of(session, one, now)
            for one in memberships.of_account(session, str(visitor.account_id))
        ]
        early = ladder.early_for(session, visitor, now, SHOWN)
        return page(
            request,
            "memberships.html",
            alive=[one for one in found if one.alive],
            waiting=[one for one in found if one.membership.state == MembershipState.PENDING],
            ended=[one for one in found if one.membership.state == MembershipState.ENDED],
            early=early.rows,
            coming=announcements.for_member(session, str(visitor.account_id), now)[:SHOWN],
            payments=charge_rows.of_account(session, str(visitor.account_id))[:SHOWN],
            method=methods.stored(session, str(visitor.account_id)),
            bounced=bounced(session, visitor.email),
            creators=inviting.open_creators(session, now),
        )


@router.api_route("/memberships/{membership_id}", methods=READ)
def show(
    request: Request, visitor: Asking, membership_id: Id, back: Word = "", done: Word = ""
) -> Response:
    """`back`: its payer comes from the processor, whose word may take a moment."""
    return shown(request, visitor, membership_id, back=bool(back), done=done)


@router.api_route("/memberships/{membership_id}/change", methods=READ)
def quoted(
    request: Request,
    visitor: Asking,
    membership_id: Id,
    tier: Annotated[str, Query(max_length=32)] = "",
    period: Word = "month",
    done: Word = "",
) -> Response:
    return _quoted(request, visitor, membership_id, tier, period, done=done)


@posts.post("/memberships/{membership_id}/change")
def change(
    request: Request,
    visitor: Asking,
    membership_id: Id,
    tier_id: Field,
    period: Field,
    cents: Annotated[int, Form(ge=0, le=10**9)],
    currency: Annotated[str, Form(max_length=3)],
) -> Response:
    with reading() as session:
        found = memberships.mine(session, visitor, membership_id)
        planned = bool(found.next_tier_id or found.next_period)
    try:
        way = billing.change(
            visitor, membership_id, tier_id, period, cents=cents, currency=currency
        )
    except (Refusal, BadRequest) as error:
        if isinstance(error, Refusal) and error.code == "declined":  # it may be looked at again
            return RedirectResponse(_change_address(membership_id, tier_id, period), 303)
        return _quoted(request, visitor, membership_id, tier_id, period, wrong=error)
    here = f"/memberships/{membership_id}"
    return onwards(request, way.url, f"{here}?{_came_of(visitor, way, membership_id, planned)}")


@posts.post("/memberships/{membership_id}/keep")
def keep(request: Request, visitor: Asking, membership_id: Id) -> Response:
    billing.keep_as_is(visitor, membership_id)
    return done_with(membership_id, "kept")


@router.api_route("/memberships/{membership_id}/leave", methods=READ)
def leave_asked(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found = standing_of(session, visitor, membership_id)
        if found.leaves_ms is None or found.leaving:
            return RedirectResponse(f"/memberships/{membership_id}", 303)
        copies = downloads.alive(session, membership_id)
        return page(
            request, "memberships_leave.html", one=found, copies=copies, now_ms=now_of(session)
        )


@posts.post("/memberships/{membership_id}/leave")
def leave(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.cancel(visitor, membership_id)
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return done_with(membership_id, "left")


@posts.post("/memberships/{membership_id}/stay")
def stay(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.stay(visitor, membership_id)
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return done_with(membership_id, "stayed")


@posts.post("/memberships/{membership_id}/pause")
def pause(
    request: Request,
    visitor: Asking,
    membership_id: Id,
    months: Annotated[int, Form(ge=0, le=100)],
) -> Response:
    try:
        billing.pause(visitor, membership_id, months)
    except (Refusal, BadRequest) as error:
        return shown(request, visitor, membership_id, wrong=error)
    return done_with(membership_id, "paused")


@posts.post("/memberships/{membership_id}/resume")
def resume(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.resume(visitor, membership_id)
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return done_with(membership_id, "resumed")


@router.api_route("/memberships/{membership_id}/withdraw", methods=READ)
def withdraw_asked(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found, now = standing_of(session, visitor, membership_id), now_of(session)
        if found.withdraw_until_ms is None:
            return RedirectResponse(f"/memberships/{membership_id}", 303)
        return page(
            request,
            "memberships_withdraw.html",
            one=found,
            back_cents=leaving.back_cents(found.membership, now),
            copies=downloads.alive(session, membership_id),
            now_ms=now,
        )


@posts.post("/memberships/{membership_id}/withdraw")
def withdraw(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.withdraw(visitor, membership_id)
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return RedirectResponse(f"/memberships/{membership_id}/withdrawn", 303)


@router.api_route("/memberships/{membership_id}/withdrawn", methods=READ)
def withdrawn(request: Request, visitor: Asking, membership_id: Id) -> Response:
    """The receipt, as long as the membership is on record."""
    with reading() as session:
        found = memberships.mine(session, visitor, membership_id)
        wanted = select(Event).filter_by(kind="membership.withdrawn", subject=found.id)
        told = session.scalars(wanted).first()
        if told is None:
            raise NotFound("You did not withdraw from this membership.")
        paid = standing.of_payments(session, found.id)
        return page(
            request,
            "memberships_withdrawn.html",
            membership=found,
            at_ms=told.facts["at_ms"],
            cents=told.facts["cents"],
            copies=told.facts.get("copies", 0),
            refunds=[one for charge in paid for one in paybacks.of_charge(session, charge.id)],
        )


router.include_router(posts)


def done_with(membership_id: str, what: str) -> Response:
    return RedirectResponse(f"/memberships/{membership_id}?done={what}", 303)


def _came_of(visitor: Visitor, way: billing.Way, membership_id: str, planned: bool) -> str:
    """What its page says of a change, as it turned out. `planned`: another one was to come."""
    with reading() as session:
        row = memberships.mine(session, visitor, membership_id)
        charge = session.get(Charge, way.charge_id) if way.charge_id else None
        if charge is not None:
            return "done=changed" if charge.state == ChargeState.PAID else "back=1"
        if row.next_tier_id or row.next_period:
            return "done=next"
        return "done=kept" if planned else "done=same"


def _change_address(membership_id: str, tier_id: str, period: str) -> str:
    return with_query(f"/memberships/{membership_id}/change", tier=tier_id, period=period)


def standing_of(session: Session, visitor: Visitor, membership_id: str) -> standing.Standing:
    found = memberships.mine(session, visitor, membership_id)
    return standing.of(session, found, now_of(session))


def shown(
    request: Request,
    visitor: Visitor,
    membership_id: str,
    *,
    back: bool = False,
    done: str = "",
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        one, now = standing_of(session, visitor, membership_id), now_of(session)
        row = one.membership
        if back and row.state == MembershipState.ACTIVE and _just_joined(session, row, now):
            return RedirectResponse(f"/memberships/{row.id}/welcome", 303)
        payments = standing.of_payments(session, row.id)
        waiting = one.waits is not None or one.confirming is not None
        others = _others(session, row, now) if one.changeable else []
        return page(
            request,
            "memberships_one.html",
            status=wrong.status if wrong else 200,
            one=one,
            membership=row,
            creator=row.creator,
            others=others,
            twice={row.tier.key} if row.tier.retired_ms is not None else set(),
            told_of={each.id: perks.told(each) for each, _ in others},
            kinds=perks.kinds(row.tier),
            has_address=feed.has_address(session, row),
            downloads=downloads.left(session, visitor, row.creator_id, now),
            percent=discount.percent(session, row.account_id, row.creator_id, now),
            early=early_of(session, visitor, row.creator_id, now),
            coming=_coming(session, row, now),
            method=methods.stored(session, row.account_id),
            payments=payments,
            papers={each.id: invoices.of_charge(session, each.id) for each in payments},
            months=() if pausing.was_paused(row) else pausing.MONTHS,
            confirming=one.changing or (back and waiting),
            back=back,
            bounced=bounced(session, visitor.email),
            known=methods.known(session, row.account_id) is not None,
            done=done,
            wrong=wrong,
            now_ms=now,
        )


def _quoted(
    request: Request,
    visitor: Visitor,
    membership_id: str,
    tier_id: str,
    period: str,
    *,
    done: str = "",
    wrong: CatalogError | None = None,
) -> Response:
    """The page before a change: line by line, with the day."""
    with reading() as session:
        row, now = memberships.mine(session, visitor, membership_id), now_of(session)
        tier = session.get(Tier, tier_id)
        one = standing.of(session, row, now)
        if one.changing:
            return RedirectResponse(f"/memberships/{row.id}?back=1", 303)
        if not tier_id:  # the address of a form that was sent
            return RedirectResponse(f"/memberships/{row.id}#change", 303)
        if tier is None or tier.creator_id != row.creator_id:
            raise NotFound("There is no such tier.")
        wanted = period_of(period)
        if wrong is None and changes.is_so(row, tier.id, wanted):
            return done_with(row.id, "same")
        try:
            quote = changes.quote_change(session, row, tier, wanted, now)
        except Refusal as error:
            quote, wrong = None, wrong or error
        return page(
            request,
            "memberships_change.html",
            status=wrong.status if wrong else 200,
            membership=row,
            tier=tier,
            period=wanted,
            price_cents=memberships.price_of(tier, wanted),
            told=perks.told(tier),
            quote=quote,
            trial=one.trial,
            method=methods.stored(session, row.account_id),
            known=methods.known(session, row.account_id) is not None,
            declined=_declined(one, tier, wanted) if wrong is None else None,
            done=done,
            kept_price=row.tier.retired_ms is not None and tier.id != row.tier_id,
            wrong=wrong,
        )


def _declined(one: standing.Standing, tier: Tier, period: Period) -> Charge | None:
    """The payment of this very change, where it was declined a moment ago."""
    found = one.declined
    if found is None or found.kind != ChargeKind.CHANGE:
        return None
    return found if (found.tier_id, found.period) == (tier.id, period) else None


def _others(session: Session, row: Membership, at_ms: int) -> list[tuple[Tier, list[Period]]]:
    """What it could be instead: the tiers there are, and its own in the other period."""
    found = [one for one in tiers.joinable(session, row.creator_id, at_ms) if one.id != row.tier_id]
    found = [one for one in found if one.currency == row.currency]
    found = sorted([row.tier, *found], key=lambda one: one.rank)
    own = [one for one in PERIODS if one != row.period]
    return [(one, own if one.id == row.tier_id else list(PERIODS)) for one in found]


def _coming(session: Session, row: Membership, at_ms: int) -> list[announcements.Told]:
    told = announcements.for_member(session, row.account_id, at_ms)
    return [one for one in told if one.announcement.creator_id == row.creator_id]


def _just_joined(session: Session, row: Membership, at_ms: int) -> bool:
    paid = charge_rows.of_membership(session, row.id)
    return len(paid) == 1 and at_ms - (row.joined_ms or 0) < standing.LATELY_MS
