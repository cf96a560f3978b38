"""What one joins a creator for, and one's memberships, for programs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog import throttle
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import NOBODY, Visitor
from catalog.entitlements import MEMBER, now_of
from catalog.errors import NotFound
from catalog.members import (
    billing,
    changes,
    charge_rows,
    inviting,
    memberships,
    perks,
    standing,
    tiers,
    trials,
)
from catalog.members.joining import period_of
from models.base import reading, unit_of_work
from models.membership import Tier

JOINS_AN_HOUR = 40
router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Reads = Annotated[Visitor, scope(MEMBER)]
Writes = Annotated[Visitor, scope("memberships:write")]
Id = Annotated[str, Path(max_length=40)]
Slug = Annotated[str, Path(max_length=200)]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Period = Literal["month", "year"]
Cents = Annotated[int, Field(ge=0, le=10**9, strict=True)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class TierShape(BaseModel):
    id: str
    key: str = Field(description="The same for all versions of one tier")
    rank: int = Field(description="1 is the lowest; what a tier may, higher ones may too")
    name: str
    summary: str
    month_cents: int
    year_cents: int
    currency: str
    test_until_ms: int | None = Field(
        description="A test: it takes nobody after that, unless it is kept; null for all others"
    )
    lead_ms: int = Field(description="So much earlier than everybody its members see a clip")
    perks: list[dict[str, Any]]
    gives: list[str] = Field(description="The perks as sentences")


class ComingShape(BaseModel):
    kind: str
    title: str
    summary: str
    rank: int = Field(description="Of the lowest tier that may have it")
    at_ms: int
    seats: int | None


class TrialShape(BaseModel):
    """For whoever was not a member of this creator before; paid by the month after it."""

    tier_id: str
    days: int
    until_ms: int = Field(description="Begun now, the first payment is due then")


class TiersShape(BaseModel):
    creator: str
    name: str
    open: bool = Field(description="Whether people can join now")
    tiers: list[TierShape]
    trials: list[TrialShape] = Field(description="Begun by joining with its `trial_days`")
    coming: list[ComingShape] = Field(description="Drops and events that are announced")


class MembershipShape(BaseModel):
    id: str
    creator: str
    state: str = Field(description="pending (waits for payment), active, grace, paused, ended")
    gives_perks: bool
    tier: TierShape
    period: str
    price_cents: int
    currency: str
    joined_ms: int | None
    period_end_ms: int = Field(description="Until when it is paid, or a trial lasts")
    trial: bool
    leaving: bool = Field(description="It ends at `period_end_ms` and is not charged again")
    grace_until_ms: int | None
    paused_until_ms: int | None
    next_payment_ms: int | None
    next_payment_cents: int | None
    next_tier_id: str = Field(description="From the next payment on")
    next_period: str
    credit_cents: int
    withdraw_until_ms: int | None = Field(description="Null once that is over")
    ended_ms: int | None
    end_reason: str
    confirming: bool = Field(
        description="A payment was asked for, and nobody knows yet whether it is paid: until then "
        "it is as it was, and no other change is taken"
    )
    pay_url: str = Field("", description="Where a person pays; empty where nothing is to be paid")


class JoinAsked(BaseModel):
    """`cents` and `currency` are what you expect a period to cost: another price is refused."""

    model_config = ConfigDict(extra="forbid")

    tier_id: Key
    period: Period = "month"
    cents: Cents
    currency: Currency
    trial_days: int = Field(
        0, ge=0, le=60, strict=True, description="As `trials` says them; 0: paid at once"
    )


class ChangeAsked(BaseModel):
    """`cents` and `currency` are what the quote said; another amount is refused."""

    model_config = ConfigDict(extra="forbid")

    tier_id: Key
    period: Period
    cents: Cents
    currency: Currency


class PauseAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    months: int = Field(ge=1, le=3, strict=True)


class LineShape(BaseModel):
    what: str
    cents: int


class ChangeShape(BaseModel):
    amount_cents: int
    currency: str
    when: str = Field(description="now, or period_end: with the next payment")
    from_ms: int
    to_ms: int = Field(description="What the amount pays for")
    credit_cents: int = Field(description="Kept for later payments after it")
    lines: list[LineShape] = Field(description="They sum to the amount")


class ReceiptShape(BaseModel):
    membership_id: str
    received_ms: int
    ended_ms: int
    refund_cents: int
    currency: str
    email: str = Field(description="Where the same was sent")
    copies: int = Field(description="Licenses of personal downloads that ended with it")


@router.get("/creators/{slug}/tiers", tags=["Members"], summary="What one can join a creator for")
def list_tiers(slug: Slug) -> TiersShape:
    """Open to everybody."""
    with reading() as session:
        creator, now = inviting.creator(session, slug), now_of(session)
        is_open = inviting.is_open(creator, now)
        coming = inviting.coming(session, creator.id, now)
        return TiersShape(
            creator=creator.slug,
            name=creator.name,
            open=is_open,
            tiers=[_tier(one) for one in tiers.joinable(session, creator.id, now) if is_open],
            trials=[
                TrialShape(tier_id=one, days=trial.days, until_ms=trial.until_ms)
                for one, trial in trials.of_creator(session, NOBODY, creator, now).items()
                if is_open
            ],
            coming=[
                ComingShape.model_validate(one, from_attributes=True)
                for kind in inviting.KINDS
                for one in coming[kind]
            ],
        )


@router.get("/memberships", tags=["Members"], summary="Your memberships, newest first")
def list_memberships(visitor: Reads) -> list[MembershipShape]:
    with reading() as session:
        now = now_of(session)
        rows = memberships.of_account(session, str(visitor.account_id))
        return [_shape(standing.of(session, one, now)) for one in rows]


@router.post("/memberships", tags=["Members"], summary="Join a creator", status_code=201)
def join(visitor: Writes, asked: JoinAsked) -> MembershipShape:
    """By the kept payment method where there is one; else `pay_url` leads a person to the payment.
    Asked for twice, it is one membership."""
    with unit_of_work() as session:
        throttle.take(session, "join of", str(visitor.account_id), JOINS_AN_HOUR, 3_600)
    if asked.trial_days:
        with reading() as session:
            trials.needs(session, asked.tier_id, period_of(asked.period), asked.trial_days)
    way = billing.join(
        visitor,
        asked.tier_id,
        asked.period,
        cents=asked.cents,
        currency=asked.currency,
        trial_days=asked.trial_days,
    )
    with reading() as session:
        charge = charge_rows.visible(session, visitor, way.charge_id)
    return _seen(visitor, charge.membership_id or "", way.url)


@router.get("/memberships/{membership_id}", tags=["Members"], summary="One of your memberships")
def get_membership(visitor: Reads, membership_id: Id) -> MembershipShape:
    return _seen(visitor, membership_id)


@router.get(
    "/memberships/{membership_id}/quote",
    tags=["Members"],
    summary="What a change of tier or period would cost",
)
def quote_change(
    visitor: Reads,
    membership_id: Id,
    tier_id: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")],
    period: Period = "month",
) -> ChangeShape:
    """To the hour: what is quoted is what is charged when it is changed within it."""
    with reading() as session:
        row = memberships.mine(session, visitor, membership_id)
        tier = session.get(Tier, tier_id)
        if tier is None:
            raise NotFound("There is no such tier.")
        found = changes.quote_change(session, row, tier, period_of(period), now_of(session))
        return ChangeShape(
            amount_cents=found.amount_cents,
            currency=row.currency,
            when=found.when,
            from_ms=found.from_ms,
            to_ms=found.to_ms,
            credit_cents=found.credit_cents,
            lines=[LineShape(what=one["what"], cents=one["cents"]) for one in found.lines],
        )


@router.post(
    "/memberships/{membership_id}/change", tags=["Members"], summary="Change tier or period"
)
def change(visitor: Writes, membership_id: Id, asked: ChangeAsked) -> MembershipShape:
    """A payment that is declined changes nothing."""
    with reading() as session:
        memberships.mine(session, visitor, membership_id)
        if session.get(Tier, asked.tier_id) is None:
            raise NotFound("There is no such tier.")
    way = billing.change(
        visitor,
        membership_id,
        asked.tier_id,
        asked.period,
        cents=asked.cents,
        currency=asked.currency,
    )
    return _seen(visitor, membership_id, way.url)


@router.post(
    "/memberships/{membership_id}/keep", tags=["Members"], summary="Take a coming change back"
)
def keep(visitor: Writes, membership_id: Id) -> MembershipShape:
    billing.keep_as_is(visitor, membership_id)
    return _seen(visitor, membership_id)


@router.post("/memberships/{membership_id}/cancel", tags=["Members"], summary="Leave")
def cancel(visitor: Writes, membership_id: Id) -> MembershipShape:
    """It ends at `period_end_ms` and is not charged again. Until then it can be taken back."""
    billing.cancel(visitor, membership_id)
    return _seen(visitor, membership_id)


@router.post("/memberships/{membership_id}/stay", tags=["Members"], summary="Take leaving back")
def stay(visitor: Writes, membership_id: Id) -> MembershipShape:
    billing.stay(visitor, membership_id)
    return _seen(visitor, membership_id)


@router.post("/memberships/{membership_id}/pause", tags=["Members"], summary="Pause")
def pause(visitor: Writes, membership_id: Id, asked: PauseAsked) -> MembershipShape:
    billing.pause(visitor, membership_id, asked.months)
    return _seen(visitor, membership_id)


@router.post("/memberships/{membership_id}/resume", tags=["Members"], summary="Resume")
def resume(visitor: Writes, membership_id: Id) -> MembershipShape:
    billing.resume(visitor, membership_id)
    return _seen(visitor, membership_id)


@router.post("/memberships/{membership_id}/pay", tags=["Members"], summary="Pay what was declined")
def pay(visitor: Writes, membership_id: Id) -> MembershipShape:
    """By the kept method, or at `pay_url`; also back to a payment that waits."""
    with reading() as session:
        row = memberships.mine(session, visitor, membership_id)
        waits = standing.of(session, row, now_of(session)).waits
    way = billing.open_page(visitor, waits.id) if waits else billing.pay(visitor, membership_id)
    return _seen(visitor, membership_id, way.url)


@router.post(
    "/memberships/{membership_id}/withdraw", tags=["Members"], summary="Withdraw from the contract"
)
def withdraw(visitor: Writes, membership_id: Id) -> ReceiptShape:
    """Within 14 days, without a reason. It ends now, and what was not used is paid back. The
    licenses of what was downloaded as a member end with it; leaving lets them stay."""
    found = billing.withdraw(visitor, membership_id)
    return ReceiptShape.model_validate(found, from_attributes=True)


def _seen(visitor: Visitor, membership_id: str, url: str = "") -> MembershipShape:
    with reading() as session:
        row = memberships.mine(session, visitor, membership_id)
        return _shape(standing.of(session, row, now_of(session)), url)


def _shape(one: standing.Standing, url: str = "") -> MembershipShape:
    row = one.membership
    return MembershipShape(
        id=row.id,
        creator=row.creator.slug,
        state=row.state,
        gives_perks=one.gives,
        tier=_tier(row.tier),
        period=row.period,
        price_cents=row.price_cents,
        currency=row.currency,
        joined_ms=row.joined_ms,
        period_end_ms=row.period_end_ms,
        trial=one.trial,
        leaving=one.leaving,
        grace_until_ms=row.grace_until_ms,
        paused_until_ms=row.paused_until_ms,
        next_payment_ms=one.next_ms,
        next_payment_cents=one.next_cents,
        next_tier_id=one.next_tier.id,
        next_period=one.next_period,
        credit_cents=row.credit_cents,
        withdraw_until_ms=one.withdraw_until_ms,
        ended_ms=row.ended_ms,
        end_reason=row.end_reason,
        confirming=one.confirming is not None,
        pay_url=url,
    )


def _tier(row: Tier) -> TierShape:
    told = {"gives": perks.told(row)}
    return TierShape(
        **told, **{name: getattr(row, name) for name in TierShape.model_fields if name not in told}
    )
