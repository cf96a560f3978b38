"""Which offer a person is shown: fitting, fair, rare, and to some on purpose not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.members import consents
from catalog.offers import answers, choosing, hashes, limits, sessions
from catalog.offers.limits import DAY_MS, HOUR_MS, MINUTE_MS, Limits, Seen
from models.account import Secret
from models.base import reading, unit_of_work
from models.clip import Clip
from models.offer import ContentSession, Offer, OfferAnswer, Watched
from tests import member_factories as members
from tests import offer_factories as offers
from tests import order_factories as shop

OF = limits.limits()
NOON = 12 * HOUR_MS


def test_a_card_says_its_whole_price_its_reason_and_what_was_used(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    found = offers.surely(offers.shown(who, clip))
    assert (found.deal.cents, found.deal.currency, found.deal.now_cents) == (900, "USD", None)
    assert found.deal.renews == ""
    assert found.view.reason == "You have this clip in front of you."
    assert found.view.data_used[0] == "this clip"
    assert found.method == "Sandbox card"


def test_no_offer_without_a_creator_who_makes_one(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    assert offers.shown(who, clip) is None
    assert offers.views(who) == []


def test_a_browser_without_a_cookie_is_offered_nothing_and_is_given_no_cookie(
    database: Path,
) -> None:
    [clip] = offers.clips()
    offers.make("keep")
    assert offers.shown(Visitor(), clip) is None
    assert offers.shown(Visitor(guest="a" * 64), clip) is not None


def test_the_creator_is_not_offered_their_own_clips(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    with reading() as session:
        creator_id = session.get_one(Clip, clip).recording.creator_id
    own = Visitor(account_id=who.account_id, creator_ids=frozenset({creator_id}))
    assert offers.shown(own, clip) is None


def test_what_costs_ten_or_more_is_never_offered(database: Path) -> None:
    [clip] = offers.clips()
    offers.make("keep")
    offers.change(Clip, clip, end_ms=60_000)  # a minute costs $12 as a personal license
    assert offers.shown(offers.person(), clip) is None


def test_a_pack_is_as_large_as_stays_small_and_the_clips_are_named(database: Path) -> None:
    first, second, _ = offers.clips(3, series="Harbour Cup")
    offers.make("scene")
    found = offers.surely(offers.shown(offers.person(), first))
    assert found.deal.cents == 990
    assert found.deal.saves_cents == 810
    assert found.deal.what["clips"] == [first, second]


def test_what_comes_next_in_a_series_does_not_hold_what_came_before(database: Path) -> None:
    made = offers.clips(4, series="Harbour Cup")
    offers.make("next")
    found = offers.surely(offers.shown(offers.person(), made[1]))
    assert found.deal.what["clips"] == made[2:4]
    assert "Harbour Cup" in found.view.reason
    assert offers.shown(offers.person(), made[3]) is None


def test_after_a_live_answer_its_own_offer_comes_first(database: Path) -> None:
    [asked], [plain] = offers.clips(reasons=offers.LIVE_QA), offers.clips()
    offers.make("answer")
    offers.make("keep")
    found = offers.surely(offers.shown(offers.person(), asked))
    assert found.offer.key == "answer"
    assert "question" in found.view.reason
    assert offers.surely(offers.shown(offers.person(), plain)).offer.key == "keep"


def test_a_trial_says_the_price_after_it_and_its_date(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    with unit_of_work() as session:
        members.tiers(session)
    offers.make("trial")
    at = 1_798_761_600_000  # 1 Jan 2027
    found = offers.surely(offers.shown(who, clip, at_ms=at, offset_min=720))
    assert (found.deal.now_cents, found.deal.cents) == (0, 300)
    assert "$3.00 USD on 8 Jan 2027, 00:00 UTC" in found.deal.renews
    assert "nothing is charged" in found.deal.renews


def test_nobody_is_offered_what_they_have(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    found = offers.surely(offers.shown(who, clip))
    answers.accept(who, found.view.id, cents=900, currency="USD")
    later = offers.now() + 3 * DAY_MS
    assert offers.shown(who, clip, at_ms=later) is None
    with unit_of_work() as session:
        members.membership(session, who.account_id or "", members.tier(session))
    offers.make("trial")
    assert offers.shown(who, clip, at_ms=later) is None


def test_a_member_is_not_sold_what_their_membership_still_gives(database: Path) -> None:
    [clip] = offers.clips()
    who, _ = members.member("early")
    offers.make("keep")
    assert offers.shown(who, clip) is None


def test_the_tip_comes_after_a_purchase_and_at_no_clips_end(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("tip")
    assert offers.shown(who, clip) is None
    assert offers.shown(who, clip, "bought") is None
    offers.make("keep")
    found = offers.surely(offers.shown(who, clip))
    answers.accept(who, found.view.id, cents=900, currency="USD")
    later = offers.now() + HOUR_MS
    after = offers.surely(offers.shown(who, clip, "bought", at_ms=later))
    assert (after.offer.kind, after.deal.cents) == ("tip", 200)


def test_loaded_again_it_is_the_same_card_and_never_two_at_once(database: Path) -> None:
    one, other = offers.clips(2)
    who = offers.person()
    offers.make("keep")
    first = offers.surely(offers.shown(who, one))
    again = offers.surely(offers.shown(who, one))
    assert again.view.id == first.view.id
    assert offers.shown(who, other) is None
    assert len(offers.views(who)) == 1


def test_a_card_whose_price_changed_meanwhile_is_another_card(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    first = offers.surely(offers.shown(who, clip))
    offers.change(Clip, clip, end_ms=9_000)
    again = offers.surely(offers.shown(who, clip))
    assert (again.view.id != first.view.id, again.deal.cents) == (True, 800)
    assert offers.view(first.view.id).answer == OfferAnswer.REPLACED


def test_not_this_again_holds_when_the_creator_changes_the_offer(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    found = offers.surely(offers.shown(who, clip))
    with unit_of_work() as session:
        answers.never(session, who, found.view.id)
    offers.make("keep", title="Keep this one, it is good")
    assert offers.shown(who, clip, at_ms=offers.now() + 60 * DAY_MS) is None
    assert offers.shown(offers.person(), clip) is not None


def test_no_offers_at_all_until_one_wants_them_again(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    with unit_of_work() as session:
        answers.never(session, who, None)
    assert offers.shown(who, clip) is None
    with unit_of_work() as session:
        answers.again(session, who)
    assert offers.shown(who, clip) is not None


def test_who_is_held_back_sees_nothing_and_is_counted_the_same(database: Path) -> None:
    made = offers.clips(3)
    offers.make("keep", holdout=50)
    people = [Visitor(guest=f"{number:064x}") for number in range(40)]
    seen = [offers.shown(who, made[0]) for who in people]
    held = [who for who, found in zip(people, seen, strict=True) if found is None]
    assert 8 <= len(held) <= 32
    for who in people:
        [view] = offers.views(who)
        assert view.held_out == (who in held)
        assert (view.cents, view.session_id is not None) == (900, True)
    for who in held:
        assert offers.shown(who, made[0]) is None
        assert offers.shown(who, made[1]) is None
        assert len(offers.views(who)) == 1
        later = offers.now() + 8 * DAY_MS
        assert offers.shown(who, made[1], at_ms=later) is None
    offers.make("keep", holdout=50, title="Another title")
    later = offers.now() + 30 * DAY_MS
    assert {offers.shown(who, made[2], at_ms=later) is None for who in held} == {True}
    with reading() as session:
        visits = session.scalars(select(ContentSession.held_out)).all()
        assert visits.count(True) >= len(held)


def test_a_card_that_is_held_back_is_nobodys_to_take(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep", holdout=90)
    while offers.shown(who, clip) is not None:
        who = offers.person()
    [view] = offers.views(who)
    with pytest.raises(Exception, match="no offer at this address"):
        answers.accept(who, view.id, cents=900, currency="USD")


def test_series_are_remembered_and_used_only_with_consent(database: Path) -> None:
    made, who = offers.clips(4, series="Harbour Cup"), offers.person()
    offers.make("next")
    played(who, *made[:2])
    assert watched() == []
    with unit_of_work() as session:
        consents.give(session, who.account_id or "", "history", "a test")
    played(who, *made[:2])
    assert watched() == [("Harbour Cup", 2)]
    found = offers.surely(offers.shown(who, made[1]))
    assert found.view.reason == "You watched 2 clips of the series Harbour Cup."
    assert "the series you watched, as you agreed to" in found.view.data_used
    with unit_of_work() as session:
        consents.withdraw(session, who.account_id or "", "history", "a test")
    assert watched() == []
    later = offers.surely(offers.shown(who, made[0], at_ms=offers.now() + DAY_MS))
    assert later.view.reason == "This clip is part of the series Harbour Cup."


def test_a_visit_is_a_day_of_one_person_and_its_key_is_thrown_away(database: Path) -> None:
    made, who = offers.clips(2), offers.person()
    played(who, *made)
    played(Visitor(), *made)
    with reading() as session:
        assert sorted(session.scalars(select(ContentSession.clips))) == [1, 1, 2]
        [key] = session.scalars(select(Secret.name).where(Secret.name.startswith("visits ")))
    with unit_of_work() as session:
        clip = session.get_one(Clip, made[0])
        sessions.touch(session, who, clip, offers.now() + DAY_MS)
    with reading() as session:
        keys = session.scalars(select(Secret.name).where(Secret.name.startswith("visits "))).all()
        assert key not in keys
        assert len(keys) == 1
        assert len(session.scalars(select(ContentSession)).all()) == 4


def test_a_visit_knows_what_was_bought_in_it_also_without_an_offer(database: Path) -> None:
    [clip], who = offers.clips(), Visitor(guest="b" * 64)
    played(who, clip)
    order_id, payment = shop.at_processor(who, 900, kind="personal", use={"media": ["internal"]})
    from catalog.payments import sandbox

    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    with reading() as session:
        visit = session.scalars(select(ContentSession)).one()
        assert (visit.bought_cents, visit.currency, visit.held_out) == (900, "USD", None)
    assert order_id


# Limits: any sequence of visits and answers.

ANSWERS = [OfferAnswer.NONE, OfferAnswer.ACCEPTED, OfferAnswer.DECLINED]
STEPS = st.lists(
    st.tuples(st.integers(0, 5 * 24 * 60), st.sampled_from("abc"), st.sampled_from(ANSWERS)),
    max_size=120,
)


@given(STEPS)
def test_the_limits_hold_for_any_sequence(steps: list[tuple[int, str, str]]) -> None:
    seen = walked(steps, OF)
    for at, one in enumerate(seen):
        before = seen[:at]
        assert sum(one.at_ms - other.at_ms < DAY_MS for other in before) < OF.day
        assert sum(one.at_ms - other.at_ms < 7 * DAY_MS for other in before) < OF.week
        assert all(one.at_ms - other.at_ms >= OF.gap_minutes * MINUTE_MS for other in before)
        same = [other for other in before if other.offer == one.offer]
        assert sum(one.at_ms - other.at_ms < 7 * DAY_MS for other in same) < OF.same_week
        for other in before:
            if other.answer == OfferAnswer.DECLINED:
                rest = OF.decline_days * DAY_MS if other.offer == one.offer else DAY_MS
                assert one.at_ms - (other.answered_ms or 0) >= rest
        assert not limits.is_quiet(one.at_ms, 0, OF)


def walked(steps: list[tuple[int, str, str]], of: Limits) -> list[Seen]:
    """A person who comes at these distances (minutes) and answers a minute later."""
    seen: list[Seen] = []
    at_ms = NOON
    for minutes, offer, answer in steps:
        at_ms += minutes * MINUTE_MS
        rests = limits.rests(seen, at_ms, of) or limits.is_full(seen, at_ms, of)
        free = not (rests or limits.is_quiet(at_ms, 0, of))
        if free and not limits.enough(seen, offer, at_ms, of):
            seen.append(Seen(at_ms, offer, answer, at_ms + MINUTE_MS))
    return seen


@pytest.mark.parametrize(
    ("hour", "offset_min", "quiet"),
    [(12, 0, False), (22, 0, True), (6, 0, True), (7, 0, False), (21, 120, True), (3, -420, False)],
)
def test_quiet_hours_are_those_of_the_persons_clock(
    hour: int, offset_min: int, quiet: bool
) -> None:
    assert limits.is_quiet(hour * HOUR_MS, offset_min, OF) == quiet


def test_at_night_nothing_is_offered(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    night = offers.noon() + 720 - (1_440 if offers.noon() > 180 else 0)
    assert offers.shown(who, clip, offset_min=night) is None


def test_the_limits_hold_in_the_rows_as_well(database: Path) -> None:
    made, who = offers.clips(12), offers.person()
    offers.make("keep")
    start = offers.now() // DAY_MS * DAY_MS + 12 * HOUR_MS
    for number in range(24):
        offers.shown(who, made[number % 12], at_ms=start + number * 2 * HOUR_MS, offset_min=0)
    views = offers.views(who)
    assert len(views) == OF.same_week


def test_who_it_is_cannot_be_told_from_a_row(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    offers.shown(who, clip)
    [view] = offers.views(who)
    assert (who.account_id or "") not in view.whose
    with unit_of_work() as session:
        offer = session.get_one(Offer, view.offer_id)
        assert choosing.stem(offer) != offer.id
        share = hashes.share(session, view.whose, "x")
        assert share == hashes.share(session, view.whose, "x")
    assert 0 <= share < 100


def played(who: Visitor, *clip_ids: str) -> None:
    for clip_id in clip_ids:
        with unit_of_work() as session:
            clip = session.get_one(Clip, clip_id)
            sessions.touch(session, who, clip, offers.now())


def watched() -> list[tuple[str, int]]:
    with reading() as session:
        return [(row.series, row.clips) for row in session.scalars(select(Watched))]
