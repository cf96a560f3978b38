"""Joining: a membership that waits for its first payment. Two clicks and two tabs make one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import charge_rows, memberships, periods, proration, tiers, tried
from catalog.members.periods import DAY_MS
from catalog.web.words import money
from models.account import Account
from models.creator import Creator
from models.membership import (
    Charge,
    ChargeKind,
    ChargeState,
    MemberEvent,
    MemberEventKind,
    Membership,
    MembershipState,
    Period,
    Tier,
)
from models.turns import take_turn

LONGEST_TRIAL_DAYS = 60
LATELY_MS = 600_000
PERIODS = {Period.MONTH: "month", Period.YEAR: "year"}


def period_of(text: str) -> Period:
    try:
        return Period(text)
    except ValueError:
        raise BadRequest("period: month or year.") from None


def ask(
    session: Session,
    account_id: str,
    tier_id: str,
    period: Period,
    at_ms: int,
    *,
    trial_days: int = 0,
    offer_view_id: str | None = None,
) -> Charge:
    """The membership that waits, and the charge that it waits for; asked for twice, the same.
    Raises Refusal for who is a member already, NotFound, BadRequest.
    """
    tier = tier_to_join(session, tier_id, at_ms)
    take_turn(session, f"member {account_id} {tier.creator_id}")
    alive = memberships.alive(session, account_id, tier.creator_id)
    if alive is not None:
        return _just_joined(session, alive, tier, period, at_ms)
    if trial_days:
        _may_try(session, account_id, tier.creator_id, trial_days)
    waiting = _waiting(session, account_id, tier.creator_id)
    for one in waiting:
        same = (one.tier_id, one.period, one.trial_until_ms is not None)
        found = charge_rows.open_of(session, one.id)
        if same == (tier.id, period, trial_days > 0) and found:
            return found[0]
    made = _pending(session, account_id, tier, period, at_ms, trial_days)
    price = 0 if trial_days else made.price_cents
    said = [(described(session, tier, period), price)] if price else []
    wanted = proration.summed(said, ("", 0), 0)
    return charge_rows.of_member(
        session,
        f"join-{made.id}",
        ChargeKind.JOIN,
        made,
        wanted,
        at_ms,
        tier=tier,
        period=period,
        from_ms=None,
        to_ms=None,
        offer_view_id=offer_view_id,
    )


def others_waiting(session: Session, charge: Charge) -> list[str]:
    """Charges of joins that this one takes the place of: another tier in another tab."""
    wanted = select(Charge.id).where(
        Charge.account_id == charge.account_id,
        Charge.creator_id == charge.creator_id,
        Charge.kind == ChargeKind.JOIN,
        Charge.state == ChargeState.ASKED,
        Charge.id != charge.id,
    )
    return list(session.scalars(wanted))


def tier_to_join(session: Session, tier_id: str, at_ms: int) -> Tier:
    tier = session.get(Tier, tier_id)
    creator = session.get(Creator, tier.creator_id) if tier else None
    if tier is None or creator is None:
        raise NotFound("There is no such tier.")
    if creator.members_ms is None or at_ms < creator.members_ms:
        raise Refusal(f"{creator.name} takes no members at the moment.", "closed")
    if not tiers.takes_new(tier, at_ms):
        raise Refusal(
            "This tier has changed since the page was shown. Look at what there is now.", "retired"
        )
    return tier


def same_price(costs: tuple[int, str], cents: int, currency: str) -> None:
    """What the page showed is what is charged. Raises Refusal where it is not."""
    if costs != (cents, currency):
        raise Refusal(
            f"It costs {money(*costs)} now, which is not what this page showed. Nothing "
            "was charged. Look at it again, then go on.",
            "price_changed",
        )


def described(session: Session, tier: Tier, period: Period) -> str:
    creator = session.get_one(Creator, tier.creator_id)
    return f"{tier.name}, {creator.name}: one {PERIODS[period]}"


def _just_joined(
    session: Session, membership: Membership, tier: Tier, period: Period, at_ms: int
) -> Charge:
    """A second click finds what the first one did. Raises Refusal for everybody else."""
    lately = at_ms - (membership.joined_ms or 0) < LATELY_MS
    if lately and (membership.tier_id, membership.period) == (tier.id, period):
        wanted = select(Charge).filter_by(membership_id=membership.id, kind=ChargeKind.JOIN)
        found = session.scalars(wanted).first()
        if found is not None:
            return found
    raise Refusal("You are a member of this creator already.", "already_member")


def _may_try(session: Session, account_id: str, creator_id: str, days: int) -> None:
    if not 1 <= days <= LONGEST_TRIAL_DAYS:
        raise BadRequest(f"trial_days: a trial lasts 1 to {LONGEST_TRIAL_DAYS} days.")
    begun = (MemberEventKind.TRIAL, MemberEventKind.JOINED)
    wanted = (
        select(MemberEvent.id)
        .join(Membership, Membership.id == MemberEvent.membership_id)
        .where(
            Membership.account_id == account_id,
            Membership.creator_id == creator_id,
            MemberEvent.kind.in_(begun),
        )
    )
    had = session.scalars(wanted.limit(1)).first() is not None
    if had or tried.before(session, session.get_one(Account, account_id).email, creator_id):
        raise Refusal("A trial is for who was not a member here before.", "trial_used")


def _waiting(session: Session, account_id: str, creator_id: str) -> list[Membership]:
    wanted = select(Membership).filter_by(
        account_id=account_id, creator_id=creator_id, state=MembershipState.PENDING
    )
    return list(session.scalars(wanted.order_by(Membership.created_ms, Membership.id)))


def _pending(
    session: Session, account_id: str, tier: Tier, period: Period, at_ms: int, trial_days: int
) -> Membership:
    trial_until = at_ms + trial_days * DAY_MS if trial_days else None
    made = Membership(
        account_id=account_id,
        creator_id=tier.creator_id,
        tier_id=tier.id,
        period=period,
        price_cents=memberships.price_of(tier, period),
        currency=tier.currency,
        state=MembershipState.PENDING,
        anchor_ms=at_ms,
        period_start_ms=at_ms,
        period_end_ms=trial_until or periods.end(at_ms, period, 1),
        trial_until_ms=trial_until,
        created_ms=at_ms,
    )
    session.add(made)
    session.flush()
    return made
