"""One's memberships: how each stands, changing, pausing, paying, leaving, withdrawing."""

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
from catalog.payments.facts import ProcessorDown
from catalog.web.account import READ
from catalog.web.charges import onwards
from catalog.web.joining import SHOWN, early_of
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading
from models.event import Event
from models.membership import ChargeState, Membership, MembershipState, Period, Tier
from models.settings import settings

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
            creators=inviting.open_creators(session, now),
        )


@router.api_route("/memberships/{membership_id}", methods=READ)
def show(
    request: Request, visitor: Asking, membership_id: Id, back: Word = "", done: Word = ""
) -> Response:
    """`back`: its payer comes from the processor, whose word may take a moment."""
    return _shown(request, visitor, membership_id, back=bool(back), done=done)


@router.api_route("/memberships/{membership_id}/change", methods=READ)
def quoted(
    request: Request,
    visitor: Asking,
    membership_id: Id,
    tier: Annotated[str, Query(max_length=32)] = "",
    period: Word = "month",
) -> Response:
    return _quoted(request, visitor, membership_id, tier, period)


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
    try:
        way = billing.change(
            visitor, membership_id, tier_id, period, cents=cents, currency=currency
        )
    except (Refusal, BadRequest) as error:
        return _quoted(request, visitor, membership_id, tier_id, period, wrong=error)
    here = f"/memberships/{membership_id}"
    return onwards(
        request, way.url, f"{here}?done=changed" if way.charge_id else f"{here}?done=next"
    )


@posts.post("/memberships/{membership_id}/keep")
def keep(request: Request, visitor: Asking, membership_id: Id) -> Response:
    billing.keep_as_is(visitor, membership_id)
    return _done(membership_id, "kept")


@router.api_route("/memberships/{membership_id}/leave", methods=READ)
def leave_asked(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found = _standing(session, visitor, membership_id)
        if found.leaves_ms is None or found.leaving:
            return RedirectResponse(f"/memberships/{membership_id}", 303)
        return page(request, "memberships_leave.html", one=found, now_ms=now_of(session))


@posts.post("/memberships/{membership_id}/leave")
def leave(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.cancel(visitor, membership_id)
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
    return _done(membership_id, "left")


@posts.post("/memberships/{membership_id}/stay")
def stay(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.stay(visitor, membership_id)
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
    return _done(membership_id, "stayed")


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
        return _shown(request, visitor, membership_id, wrong=error)
    return _done(membership_id, "paused")


@posts.post("/memberships/{membership_id}/resume")
def resume(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.resume(visitor, membership_id)
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
    return _done(membership_id, "resumed")


@posts.post("/memberships/{membership_id}/pay")
def pay(request: Request, visitor: Asking, membership_id: Id) -> Response:
    """What waits for its payer, or what was declined."""
    with reading() as session:
        waits = _standing(session, visitor, membership_id).waits
    try:
        if waits is not None:
            way = billing.open_page(visitor, waits.id)
        else:
            way = billing.pay(visitor, membership_id)
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
    return onwards(request, way.url, f"/memberships/{membership_id}?back=1")


@posts.post("/memberships/{membership_id}/give-up")
def give_up(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        waits = _standing(session, visitor, membership_id).waits
    if waits is not None:
        billing.give_up(visitor, waits.id)
    return RedirectResponse(f"/memberships/{membership_id}", 303)


@posts.post("/memberships/{membership_id}/method")
def method(request: Request, visitor: Asking, membership_id: Id) -> Response:
    """To where it is changed or removed; it leads back to method_changed()."""
    with reading() as session:
        memberships.mine(session, visitor, membership_id)
    here = f"/memberships/{membership_id}"
    try:
        url = methods.portal(visitor, f"{settings().base_url}{here}/method")
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
    return onwards(request, url, here)


@router.api_route("/memberships/{membership_id}/method", methods=["GET"])
def method_changed(visitor: Asking, membership_id: Id) -> Response:
    """Coming back from there: what is kept now is known now."""
    with reading() as session:
        memberships.mine(session, visitor, membership_id)
    try:
        methods.refresh(visitor)
    except ProcessorDown:  # it is looked at again with the next payment
        return _done(membership_id, "later")
    return _done(membership_id, "method")


@posts.post("/memberships/{membership_id}/method/remove")
def method_removed(visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found = methods.stored(
            session, memberships.mine(session, visitor, membership_id).account_id
        )
    if found is not None:
        methods.remove(visitor, found.id)
    return _done(membership_id, "removed")


@router.api_route("/memberships/{membership_id}/withdraw", methods=READ)
def withdraw_asked(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found, now = _standing(session, visitor, membership_id), now_of(session)
        if found.withdraw_until_ms is None:
            return RedirectResponse(f"/memberships/{membership_id}", 303)
        back = leaving.back_cents(found.membership, now)
        return page(request, "memberships_withdraw.html", one=found, back_cents=back, now_ms=now)


@posts.post("/memberships/{membership_id}/withdraw")
def withdraw(request: Request, visitor: Asking, membership_id: Id) -> Response:
    try:
        billing.withdraw(visitor, membership_id)
    except Refusal as error:
        return _shown(request, visitor, membership_id, wrong=error)
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
            refunds=[one for charge in paid for one in paybacks.of_charge(session, charge.id)],
        )


router.include_router(posts)


def _done(membership_id: str, what: str) -> Response:
    return RedirectResponse(f"/memberships/{membership_id}?done={what}", 303)


def _after(visitor: Visitor, membership_id: str, charge_id: str) -> str:
    """The page after a change: it is done, comes with the next period, or waits to be heard of."""
    with reading() as session:
        found = _standing(session, visitor, membership_id)
        charge = charge_rows.visible(session, visitor, charge_id) if charge_id else None
    here = f"/memberships/{membership_id}"
    if charge is not None and charge.state == ChargeState.ASKED:
        return f"{here}?back=1"
    return f"{here}?done={'next' if found.changes_next else 'changed'}"


def _standing(session: Session, visitor: Visitor, membership_id: str) -> standing.Standing:
    found = memberships.mine(session, visitor, membership_id)
    return standing.of(session, found, now_of(session))


def _shown(
    request: Request,
    visitor: Visitor,
    membership_id: str,
    *,
    back: bool = False,
    done: str = "",
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        one, now = _standing(session, visitor, membership_id), now_of(session)
        row = one.membership
        if back and row.state == MembershipState.ACTIVE and _just_joined(session, row, now):
            return RedirectResponse(f"/memberships/{row.id}/welcome", 303)
        payments = standing.of_payments(session, row.id)
        on_its_way = any(
            each.state == ChargeState.ASKED and each.held_until_ms is None for each in payments
        )
        return page(
            request,
            "memberships_one.html",
            status=wrong.status if wrong else 200,
            one=one,
            membership=row,
            creator=row.creator,
            others=_others(session, row, now) if one.changeable else [],
            told=perks.told(row.tier),
            kinds=perks.kinds(row.tier),
            has_address=feed.has_address(session, row),
            downloads=downloads.left(session, visitor, row.creator_id, now),
            percent=discount.percent(session, row.account_id, row.creator_id, now),
            early=early_of(session, visitor, row.creator_id, now),
            coming=_coming(session, row, now),
            method=methods.stored(session, row.account_id),
            payments=payments,
            papers={each.id: invoices.of_charge(session, each.id) for each in payments},
            months=pausing.MONTHS,
            coming_back=back and (one.waits is not None or on_its_way),
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
    wrong: CatalogError | None = None,
) -> Response:
    """The page before a change: line by line, with the day."""
    with reading() as session:
        row, now = memberships.mine(session, visitor, membership_id), now_of(session)
        tier = session.get(Tier, tier_id)
        if tier is None or tier.creator_id != row.creator_id:
            raise NotFound("There is no such tier.")
        wanted = period_of(period)
        if wrong is None and changes.is_so(row, tier.id, wanted):
            return _done(row.id, "same")
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
            trial=memberships.in_trial(row),
            method=methods.stored(session, row.account_id),
            wrong=wrong,
        )


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
