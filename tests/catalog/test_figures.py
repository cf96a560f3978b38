"""The figures: what they count, and as of when."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from catalog import checkout, figures, listings
from catalog.figures import months, written
from catalog.figures.movements import steps, totals
from models.base import new_id, reading, unit_of_work
from models.event import Event
from models.offer import Offer, OfferAnswer, OfferView
from tests import both, factories, member_factories
from tests import order_factories as shop
from tests.figure_factories import (
    DAY_MS,
    END_MS,
    TIERS,
    at,
    figure,
    happened,
    month_of,
    rows,
    sold,
    today_ms,
    visits,
)


@pytest.fixture
def member(database: Path) -> tuple[str, str]:
    """A membership's id and its creator's; what happened to it is each test's own."""
    with unit_of_work() as session:
        found = member_factories.membership(session)
        return found.id, found.creator_id


def test_what_recurs_moves_by_joins_steps_and_ends(member: tuple[str, str]) -> None:
    happened(
        *member,
        (at(1, 5), "trial", "early", 0),
        (at(1, 12), "joined", "early", 300),
        (at(2, 1), "changed", "drops", 900),
        (at(2, 20), "paused", "drops", 0),
        (at(3, 1), "resumed", "drops", 900),
        (at(3, 9), "changed", "early", 300),
        (at(3, 30), "ended", "early", 0),
    )
    found = {row["month"]: row for row in rows("mrr")}
    told = ("start", "new", "expansion", "contraction", "churn", "end")
    assert [found["2026-01"][name] // 1000 for name in told] == [0, 300, 0, 0, 0, 300]
    assert [found["2026-02"][name] // 1000 for name in told] == [300, 0, 600, -900, 0, 0]
    assert [found["2026-03"][name] // 1000 for name in told] == [0, 0, 900, -600, -300, 0]
    assert figure("mrr", at(2, 2)).values[0].amount == 900_000
    assert written.shown(figure("mrr", at(2, 2)).values[0].amount, "millicents", "USD") == "$9.00"
    by_tier = {(row["month"], row["tier"]): row for row in rows("mrr", table=1)}
    assert by_tier["2026-02", "early"]["moved"] == -300_000
    assert by_tier["2026-02", "drops"]["moved"] == 300_000


def test_a_yearly_price_is_its_twelfth_part_and_nothing_is_lost_by_rounding(
    member: tuple[str, str],
) -> None:
    membership_id, creator_id = member
    with unit_of_work() as session:
        more = [member_factories.membership(session).id for _ in range(2)]
    for one in (membership_id, *more):
        [event] = happened(one, creator_id, (at(3, 2), "joined", "events", 2_083))
        assert event.after_mrr == 2_083_000
    assert figure("mrr").values[0].amount == 3 * 2_083_000
    assert written.cents(2_083_333) == 2_083
    assert written.cents(-2_083_500) == -2_084


def test_the_end_of_the_day_is_not_part_of_it(member: tuple[str, str]) -> None:
    happened(*member, (END_MS - 1, "joined", "early", 300), (END_MS, "changed", "drops", 900))
    assert figure("mrr").values[0].amount == 300_000
    assert figure("mrr", END_MS + DAY_MS).values[0].amount == 900_000


def test_members_are_counted_with_trials_and_pauses_and_churn_of_those_who_paid(
    member: tuple[str, str],
) -> None:
    membership_id, creator_id = member
    with unit_of_work() as session:
        others = [member_factories.membership(session).id for _ in range(4)]
    happened(
        membership_id,
        creator_id,
        (at(1, 2), "joined", "early", 300),
        (at(3, 5), "ended", "early", 0),
    )
    happened(others[0], creator_id, (at(1, 3), "joined", "early", 300))
    happened(
        others[1], creator_id, (at(1, 4), "joined", "drops", 900), (at(3, 6), "paused", "drops", 0)
    )
    happened(others[2], creator_id, (at(3, 7), "trial", "events", 0))
    happened(
        others[3], creator_id, (at(2, 7), "trial", "early", 0), (at(2, 14), "ended", "early", 0)
    )
    march = month_of("members")
    assert (march["start"], march["joined"], march["left"], march["end"]) == (3, 1, 1, 3)
    assert (march["paying"], march["paying_left"]) == (1, 1)
    assert march["churn_rate"] == pytest.approx(1 / 3)
    assert month_of("members", "2026-02")["churn_rate"] == 0
    assert month_of("members", "2026-01")["churn_rate"] is None


a_step = some.tuples(
    some.sampled_from(("renewed", "changed", "paused", "resumed", "declined", "leaving")),
    some.sampled_from(TIERS),
    some.sampled_from((0, 300, 900, 2_500, 2_083)),
    some.integers(1, 90 * DAY_MS),
)
a_life = some.tuples(
    some.sampled_from(("joined", "trial")),
    some.sampled_from(TIERS),
    some.sampled_from((0, 300, 250)),
    some.integers(0, 400 * DAY_MS),
    some.lists(a_step, max_size=6),
    some.booleans(),
    some.sampled_from(("USD", "EUR")),
)


def lived(life: Any) -> Iterator[tuple[int, str, str, int]]:
    kind, tier, cents, days_ms, told, ends = life[:6]
    when = at(1) - 300 * DAY_MS + days_ms
    yield when, kind, tier, cents if kind == "joined" else 0
    for kind, tier, cents, later in told:
        when += later
        yield when, kind, tier, cents
    if ends:
        yield when + DAY_MS, "ended", tier, 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(a_life, min_size=1, max_size=6), some.integers(-200, 500))
def test_movements_are_the_difference_of_levels_whatever_happened(
    member: tuple[str, str], lives: list[Any], days: int
) -> None:
    membership_id, creator_id = member[0], new_id()
    told = [
        event
        for life in lives
        for event in happened(membership_id, creator_id, *lived(life), currency=life[6])
    ]
    as_of = at(1) + days * DAY_MS
    before = [event for event in told if event.at_ms < as_of]
    with reading() as session:
        found = steps(session, months.shown(as_of), creator_id)
    last: dict[tuple[str, str], Any] = {}
    for one in found:
        key = one.currency, one.tier
        assert one.start == (last[key].end if key in last else one.start)
        assert one.members_start == (last[key].members if key in last else one.members_start)
        last[key] = one
    for (currency, tier), one in last.items():
        mine = [event for event in before if event.currency == currency]
        gone = sum(event.before_mrr for event in mine if event.before_tier_key == tier)
        assert one.end == sum(event.after_mrr for event in mine if event.tier_key == tier) - gone
        begun = sum(event.tier_key == tier and event.kind != "ended" for event in mine)
        assert one.members == begun - sum(event.before_tier_key == tier for event in mine)
    assert {event.tier_key for event in before} <= {tier for _, tier in last}
    recur: dict[str, int] = {}
    for event in before:
        recur[event.currency] = recur.get(event.currency, 0) + event.after_mrr - event.before_mrr
    for currency, cents in recur.items():
        assert sum(one.end for key, one in last.items() if key[0] == currency) == cents
    for whole in totals(found):
        moved = whole.new + whole.expansion - whole.contraction - whole.churn
        assert whole.end - whole.start == moved
        assert (whole.moved, whole.members_moved) == (0, 0)


def test_computed_again_after_more_has_happened_they_are_the_same(member: tuple[str, str]) -> None:
    membership_id, creator_id = member
    happened(membership_id, creator_id, (at(2, 3), "joined", "early", 300))
    visits(at(3, 10), shown=(40, 4), held_out=(10, 0))
    sold(shop.GUEST, 12_000)
    with reading() as session:
        first = written.as_data(figures.all_of(session, END_MS), END_MS)
    with unit_of_work() as session:
        other = member_factories.membership(session).id
    happened(other, creator_id, (END_MS, "joined", "events", 2_500))
    visits(END_MS + DAY_MS, shown=(7, 7), held_out=(1, 1))
    sold(shop.OTHER, 5_000)
    with reading() as session:
        again = written.as_data(figures.all_of(session, END_MS), END_MS)
        later = written.as_data(figures.all_of(session, today_ms()), today_ms())
    assert again == first
    assert later["figures"] != first["figures"]


def test_conversion_is_told_beside_what_people_buy_without_offers(database: Path) -> None:
    visits(at(3, 10), shown=(80, 8), held_out=(20, 1))
    march = month_of("conversion")
    assert (march["visits"], march["shown"], march["bought"]) == (101, 80, 8)
    assert (march["held_out"], march["held_out_bought"]) == (20, 1)
    assert march["share"] == pytest.approx(0.1)
    assert march["uplift"] == pytest.approx(0.05)
    assert march["low"] < 0 < march["high"]
    conversion, uplift = figure("conversion").values
    assert conversion.amount == pytest.approx(0.1)
    assert "goes on" in uplift.note


def test_a_visit_counts_when_nothing_in_it_can_change_any_more(database: Path) -> None:
    visits(at(3, 30), shown=(5, 1), held_out=(5, 0))
    assert rows("conversion") == []
    assert figure("conversion").empty == "No visit to a clip is two days old yet."
    assert month_of("conversion", "2026-03", as_of_ms=END_MS + DAY_MS)["shown"] == 5


def test_offers_are_told_one_by_one(member: tuple[str, str]) -> None:
    _, creator_id = member
    answers = [OfferAnswer.ACCEPTED, OfferAnswer.DECLINED, OfferAnswer.UNDONE, OfferAnswer.NONE]
    with unit_of_work() as session:
        offer = Offer(
            creator_id=creator_id, kind="tip", moment="end", title="A tip", facts={}, starts_ms=0
        )
        session.add(offer)
        session.flush()
        for number, answer in enumerate([*answers, OfferAnswer.NONE]):
            session.add(
                OfferView(
                    offer_id=offer.id,
                    whose=f"w{number}",
                    held_out=number == len(answers),
                    cents=300,
                    currency="USD",
                    reason="You watched it to its end.",
                    data_used=[],
                    answer=answer,
                    at_ms=at(3, 3),
                )
            )
    [row] = rows("offers", creator_id=creator_id)
    assert row | {"share": 0} == {
        **{"offer": "A tip", "kind": "tip", "moment": "end", "shown": 4, "accepted": 1},
        **{"share": 0, "undone": 1, "declined": 1, "held_out": 1},
    }
    assert rows("offers", creator_id=new_id()) == []


def test_fulfilment_says_that_there_were_no_orders_until_there_are(database: Path) -> None:
    [value] = figure("fulfilment").values
    assert (value.amount, value.note) == (None, "no merch orders yet")
    with unit_of_work() as session:
        for kind, cents in (("merch.sold", 4_000), ("merch.cost", 1_500), ("merch.sold", 1_000)):
            facts = {"cents": cents, "currency": "USD", "creator_id": "c" * 32}
            session.add(Event(kind=kind, subject="o1", facts=facts, at_ms=at(3, 4)))
    march = month_of("fulfilment")
    assert (march["sold_cents"], march["cost_cents"], march["share"]) == (5_000, 1_500, 0.3)
    assert rows("fulfilment", creator_id="d" * 32) == []


def test_licensing_is_net_of_what_went_back_and_is_shared_by_creators(database: Path) -> None:
    with unit_of_work() as session:
        ada, bob = (factories.creator(session, slug) for slug in ("ada", "bob"))
        works = []
        for one in (ada, bob):
            recording = factories.recording(session, creator_id=one.id)
            works.append(factories.listing(session, factories.clip(session, recording)).id)
    shop.open_shop()
    order_id = ""
    for listing_id, cents in zip(works, (12_000, 5_000), strict=True):
        order_id = shop.in_cart(shop.GUEST, cents, listing_id=listing_id)
    checkout.begin(shop.GUEST, order_id, shop.BUYER, agreed=True, cents=17_000, currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, shop.sandbox.answered(payment, "pay")[1])
    now = today_ms()
    assert rows("licensing", now)[0]["net_cents"] == 17_000
    bobs = next(line for line in shop.order(order_id).lines if line.price_cents == 5_000)
    shop.ask_refund(order_id, [bobs.id])
    shop.pay_back()
    whole = rows("licensing", now)[0]
    assert (whole["in_cents"], whole["back_cents"], whole["net_cents"]) == (17_000, 5_000, 12_000)
    assert rows("licensing", now, creator_id=ada.id)[0]["net_cents"] == 12_000
    assert rows("licensing", now, creator_id=bob.id)[0]["net_cents"] == 0
    with reading() as session:
        listed = figures.rows_of(session, "licensing", now, bob.id).rows
    assert sorted(int(row[3]) for row in listed if row[3] is not None) == [-5_000, 5_000]


def test_a_clip_earns_by_a_license_that_was_paid_and_is_on_sale_as_it_was(database: Path) -> None:
    with unit_of_work() as session:
        clips = [factories.clip(session) for _ in range(4)]
        works = [factories.listing(session, one).id for one in clips]
    order_id, _ = shop.paid(shop.GUEST, 12_000, listing_id=works[0])
    now = today_ms()
    found = {row["way"]: row for row in rows("monetised", now)}
    assert (found["any"]["clips"], found["any"]["on_sale"]) == (1, 4)
    assert figure("monetised", now).values[0].amount == 0.25
    with unit_of_work() as session:
        listings.withdraw(session, clips[3].id, "not mine")
    assert figure("monetised", now).values[0].note == "1 of 3 on sale"
    assert figure("monetised", END_MS).values[0].note == "no clip is on sale yet"
    shop.ask_refund(order_id)
    shop.pay_back()
    assert figure("monetised", now).values[0].amount == 0


def test_both_databases_count_the_same(tmp_path: Path) -> None:
    found = []
    for kind in both.BOTH:
        with both.server_of(kind) as server, both.database_of(kind, server, tmp_path / kind):
            chance = random.Random(3)
            with unit_of_work() as session:
                members = [member_factories.membership(session) for _ in range(3)]
            for one in members:
                told = [
                    (
                        at(1) + day * 5 * DAY_MS,
                        "changed" if day else "joined",
                        chance.choice(TIERS),
                        300 * chance.randrange(4),
                    )
                    for day in range(12)
                ]
                happened(one.id, one.creator_id, *told)
            visits(at(3, 10), shown=(9, 2), held_out=(3, 0), creator_id=members[0].creator_id)
            with unit_of_work() as session:
                facts = {"cents": 5, "currency": "USD", "creator_id": members[0].creator_id}
                session.add(Event(kind="merch.sold", subject="o", facts=facts, at_ms=at(3, 1)))
            sold(shop.GUEST, 12_000)
            for creator_id in (None, members[0].creator_id):
                with reading() as session:
                    for name in figures.FIGURES:
                        figures.rows_of(session, name, today_ms(), creator_id)
                    whole = figures.all_of(session, today_ms(), creator_id)
                    found.append(written.as_data(whole, today_ms())["figures"])
    assert found[:2] == found[2:]
