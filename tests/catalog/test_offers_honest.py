"""What a card promises is so: a no, a deadline, what was used; and so is what offers bring."""

import random
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from catalog import adopting, orders, quotes
from catalog.auth import Visitor
from catalog.errors import BadRequest, Refusal
from catalog.members import billing
from catalog.offers import answers, desk, hashes, limits, results, sessions
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.clip import Clip
from models.listing import Listing
from models.membership import Charge
from models.offer import ContentSession, Offer, OfferAnswer, OfferChoice, OfferView
from models.order import Order
from tests import factories, people
from tests import member_factories as members
from tests import offer_factories as offers
from tests.both import database_of

MIN_MS, DAY_MS = 60_000, offers.DAY_MS


def noon_today() -> int:
    return offers.now() // DAY_MS * DAY_MS + DAY_MS // 2


def buys(who: Visitor, clip_id: str) -> str:
    """With one click, without a card; the order."""
    with unit_of_work(who.actor) as session:
        listing = session.get_one(Clip, clip_id).listing
        assert listing is not None
        quote = quotes.open_quote(session, who, listing.id, "personal", {})
        order_id = orders.add(session, who, quote.id).id
    billing.pay_order(who, order_id)
    return order_id


def visit() -> ContentSession:
    with reading() as session:
        return session.scalars(select(ContentSession)).one()


@pytest.mark.parametrize("said", ["no", "never"])
def test_a_no_holds_for_a_card_that_is_still_open_elsewhere(database: Path, said: str) -> None:
    (first, second), who = offers.clips(2), offers.person()
    offers.make("keep")
    at = noon_today()
    offers.surely(offers.shown(who, first, at_ms=at, offset_min=0))
    later = offers.surely(offers.shown(who, second, at_ms=at + 16 * MIN_MS, offset_min=0))
    with unit_of_work(who.actor) as session:
        if said == "never":
            answers.never(session, who, later.view.id)
            session.get_one(OfferView, later.view.id).answer = OfferAnswer.NONE  # the wish alone
        else:
            answers.decline(session, who, later.view.id)
    assert offers.shown(who, first, at_ms=at + 20 * MIN_MS, offset_min=0) is None


def test_an_open_card_is_the_same_again_and_not_at_night(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    at = offers.now() // DAY_MS * DAY_MS + 21 * offers.HOUR_MS + 55 * MIN_MS
    card = offers.surely(offers.shown(who, clip, at_ms=at, offset_min=0))
    again = offers.surely(offers.shown(who, clip, at_ms=at + 2 * MIN_MS, offset_min=0))
    assert again.view.id == card.view.id
    assert offers.shown(who, clip, at_ms=at + 20 * MIN_MS, offset_min=0) is None


def test_what_a_guest_said_holds_on_when_they_sign_in(server: tuple[str, str], home: Path) -> None:
    with database_of(*server, home):
        [clip] = offers.clips()
        offers.make("keep")
        who, guest, other = offers.person(), Visitor(guest="a" * 64), Visitor(guest="b" * 64)
        card = offers.surely(offers.shown(guest, clip))
        with unit_of_work() as session:
            answers.never(session, guest, card.view.id)
            answers.never(session, other, None)
        for one in (guest, guest, other):
            with unit_of_work() as session:
                adopting.adopt(session, session.get_one(Account, who.account_id), one.guest)
        with unit_of_work() as session:
            whose = hashes.whose(session, who)
            choices = set(session.scalars(select(OfferChoice.offer_id).filter_by(whose=whose)))
            assert len(choices) == 2
            assert "" in choices, "none at all"
            view = session.scalars(select(OfferView)).one()
            assert (view.whose, view.account_id) == (whose, who.account_id)
        assert offers.shown(who, clip) is None
        assert answers_wait(who), "nor is anything else offered for a day"


def answers_wait(who: Visitor) -> bool:
    seen = [
        limits.Seen(one.at_ms, one.offer_id, one.answer, one.answered_ms)
        for one in offers.views(who)
    ]
    return limits.rests(seen, offers.now(), limits.limits())


def test_an_offer_without_an_effect_is_said_to_have_none(database: Path) -> None:
    """Those who stay for a second card buy more often: that is not the second offer's doing."""
    first, second = offers.clips(1)[0], offers.clips(2, series="Cup")[0]
    with unit_of_work() as session:
        offers_of = {"keep": offers.make("keep", holdout=50), "scene": ""}
        session.get_one(Offer, offers_of["keep"]).rank = 1
    offers_of["scene"] = offers.make("scene", holdout=50)
    chance, at = random.Random(7), noon_today()
    for number in range(120):
        who, stays = Visitor(guest=f"{number:064x}"), number % 2 == 0
        clips = (first, second) if stays else (second,)
        for place, clip in enumerate(clips):
            offers.shown(who, clip, at_ms=at + place * 16 * MIN_MS, offset_min=0)
        if chance.random() < (0.9 if stays else 0.05):
            with unit_of_work() as session:
                clip_row = session.get_one(Clip, first)
                sessions.current(session, who, clip_row, at).bought_cents = 900
    with reading() as session:
        seen = select(OfferView.offer_id).order_by(OfferView.at_ms)
        assert set(session.scalars(seen)) == set(offers_of.values())
        found = {
            key: results.of_offer(session, session.get_one(Offer, one), at + 3 * DAY_MS)
            for key, one in offers_of.items()
        }
    whole = [found[key].with_it.visits + found[key].without.visits for key in ("keep", "scene")]
    assert whole == [60, 60], "each visit belongs to what was drawn first in it"
    scene = found["scene"]
    assert scene.with_it.bought + scene.without.bought < 10, "not those of who stayed"


def test_what_was_bought_before_a_tip_is_offered_is_not_its_fruit(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    offers.make("tip")
    with unit_of_work() as session:
        sessions.touch(session, who, session.get_one(Clip, clip), offers.now())
    order_id = buys(who, clip)
    assert visit().bought_cents == 900
    offers.change(Order, order_id, paid_ms=offers.now() - 2_000)
    card = offers.surely(offers.shown(who, clip, "bought"))
    assert visit().bought_cents == 0
    answers.accept(who, card.view.id, cents=200, currency="USD")
    assert visit().bought_cents == 200
    billing.undo_order(who, order_id)
    assert visit().bought_cents == 200, "nor is it taken out of what came after"
    answers.undo(who, card.view.id)
    assert visit().bought_cents == 0


def test_a_trial_that_begins_counts(database: Path) -> None:
    [clip], who = offers.clips(), offers.person()
    with unit_of_work() as session:
        members.tier(session)
        factories.creator(session).members_ms = 1
    offers.make("trial")
    card = offers.surely(offers.shown(who, clip))
    answers.accept(who, card.view.id, cents=card.view.cents, currency="USD")
    assert offers.view(card.view.id).answer == "accepted"
    assert visit().bought_cents == card.view.cents
    answers.undo(who, card.view.id)
    assert visit().bought_cents == 0


def held_back(clip: str) -> Visitor:
    """Somebody to whom nothing is shown by chance; their visit is the only one that is left."""
    offers.make("keep", holdout=90)
    who = offers.person()
    while offers.shown(who, clip) is not None:
        who = offers.person()
    with unit_of_work() as session:
        session.execute(delete(OfferView).where(OfferView.held_out.is_(False)))
        session.execute(delete(ContentSession).where(ContentSession.held_out.is_(False)))
    return who


def test_what_is_taken_back_leaves_a_visit_without_an_offer_too(
    server: tuple[str, str], home: Path
) -> None:
    with database_of(*server, home):
        [clip] = offers.clips()
        who = held_back(clip)
        order_id = buys(who, clip)
        assert (visit().held_out, visit().bought_cents) == (True, 900)
        billing.undo_order(who, order_id)
        billing.undo_order(who, order_id)
        assert visit().bought_cents == 0


def test_a_payment_that_is_heard_of_after_midnight_counts_in_its_day(
    server: tuple[str, str], home: Path
) -> None:
    with database_of(*server, home):
        [clip] = offers.clips()
        who = held_back(clip)
        with unit_of_work() as session:  # midnight comes
            for row in session.scalars(select(ContentSession)):
                row.begun_ms -= DAY_MS
                row.whose = f"{row.id:0>64}"
            for view in session.scalars(select(OfferView)):
                view.at_ms -= DAY_MS
            hashes.forget(session, offers.now() + DAY_MS)
        with unit_of_work(who.actor) as session:
            listing = session.get_one(Clip, clip).listing
            assert listing is not None
            quote = quotes.open_quote(session, who, listing.id, "personal", {})
            order = orders.add(session, who, quote.id)
            order.email, order.name = "lena@example.org", "Lena"
            orders.fulfil(session, order, offers.now() - DAY_MS)
        assert visit().bought_cents == 900


def test_a_deadline_of_the_usual_price_claims_nothing(client: TestClient) -> None:
    first, last = offers.clips(1)[0], offers.clips(3, series="Cup")[0]
    ends_ms = offers.now() + DAY_MS
    offers.make("keep", ends_ms=ends_ms)
    people.sign_in(client, "lena@example.org")
    card = client.get(f"/clips/{first}/offers?part=card&offset={offers.noon()}").text
    assert "it is the usual one" in card
    assert "not sold at this price" not in card
    with unit_of_work() as session:
        desk.end(session, offers.STAFF, factories.creator(session).id, "keep")
    offers.make("scene", ends_ms=ends_ms)
    people.sign_in(client, "mara@example.org")
    card = client.get(f"/clips/{last}/offers?part=card&offset={offers.noon()}").text
    assert "not sold at this price after that, nor in the 30 days" in card


def test_what_people_read_ends_ends(database: Path) -> None:
    clip, ends_ms = offers.clips(3, series="Cup")[0], offers.now() + DAY_MS
    offers.make("scene", ends_ms=ends_ms)
    offers.make("scene", ends_ms=ends_ms + DAY_MS)  # nobody read it yet
    offers.surely(offers.shown(offers.person(), clip))
    for again in ({"ends_ms": ends_ms + 2 * DAY_MS}, {"ends_ms": None}):
        with pytest.raises(Refusal) as refused:
            offers.make("scene", **again)
        assert refused.value.code == "deadline"
    with pytest.raises(Refusal):
        offers.make("scene", ends_ms=None, facts={"percent": 60, "most": 3})
    made = offers.make("scene", ends_ms=None, facts={"percent": 20, "most": 3})
    assert offers.offer(made).ends_ms is None, "less was not what ended"
    with unit_of_work() as session:
        for row in session.scalars(select(Offer).where(Offer.ends_ms.is_not(None))):
            row.ends_ms = offers.now() - 31 * DAY_MS
    offers.make("scene", facts={"percent": 45, "most": 3})


def test_a_card_names_what_made_its_price(database: Path) -> None:
    from catalog.members.perks import settle

    [clip], who = offers.clips(), offers.person()
    offers.make("keep")
    with unit_of_work() as session:
        tier = members.tier(session, "drops", factories.creator(session))
        tier.perks = [{"kind": "discount", "percent": 20}]
        row = members.membership(session, who.account_id or "", tier)
        settle(session, row, row.period_start_ms + 1)
    card = offers.surely(offers.shown(who, clip))
    assert card.view.cents == 720
    assert "Member discount 20 % is in this price" in card.deal.gives
    assert "your membership here, for its discount" in card.view.data_used
    assert any("clock" in one for one in card.view.data_used)
    other = offers.surely(offers.shown(offers.person(), clip))
    assert not any("discount" in one for one in other.view.data_used)


def test_before_a_trial_without_a_card_all_that_is_charged_is_said(client: TestClient) -> None:
    [clip] = offers.clips()
    with unit_of_work() as session:
        members.tier(session)
        factories.creator(session).members_ms = 1
    offers.make("trial")
    people.sign_in(client, "lena@example.org")
    card = client.get(f"/clips/{clip}/offers?part=card&offset={offers.noon()}").text
    assert "once more before you pay" not in card
    assert "asks for a card and takes nothing today. $3.00 USD a month" in card
    assert "withdraw within 14 days" in card


def test_a_trial_that_nobody_would_be_shown_is_refused(database: Path) -> None:
    offers.clips()
    with unit_of_work() as session:
        members.tier(session, "events")
        factories.creator(session).members_ms = 1
    with pytest.raises(BadRequest, match=r"costs \$25.00 a month"):
        offers.make("trial", facts={"tier": "events", "days": 7})
    with unit_of_work() as session:
        creator = factories.creator(session)
        made = Offer(
            creator_id=creator.id, key="trial", kind="trial", moment="end", title="Try it",
            facts={"tier": "events", "days": 7}, starts_ms=1,
        )  # fmt: skip
        session.add(made)
        session.flush()
        shown = {one.key: one for one in desk.of_creator(session, offers.STAFF, creator.id)}
        assert "nobody is shown a trial" in shown["trial"].fits


def test_a_tip_has_a_door_of_its_own(client: TestClient) -> None:
    """No offer: no cap, no reason; and it can be taken back like any."""
    [clip] = offers.clips()
    page = f"/clips/{clip}/offers"
    assert "A tip for" not in client.get(page).text
    offers.make("tip")
    assert "Sign in to tip" in client.get(page).text
    account_id = people.sign_in(client, "lena@example.org")
    with unit_of_work() as session:
        members.method(session, account_id)
    assert "You can take it back for 24 hours" in client.get(page).text
    other = people.post(client, f"/clips/{clip}/tip", cents="300", currency="USD")
    assert other.status_code == 409, "another sum"
    done = people.post(client, f"/clips/{clip}/tip", cents="200", currency="USD")
    assert done.headers["location"].startswith("/charges/")
    with reading() as session:
        charge = session.scalars(select(Charge)).one()
        assert (charge.kind, charge.state, charge.amount_cents) == ("tip", "paid", 200)
        assert session.scalars(select(OfferView)).all() == []


def test_what_can_not_be_licensed_yet_leads_to_no_licenses(client: TestClient) -> None:
    [clip] = offers.clips()
    to_them = "All licenses of this clip"
    assert to_them in client.get(f"/clips/{clip}/offers").text
    with unit_of_work() as session:
        session.scalars(select(Listing).filter_by(clip_id=clip)).one().visible_from_ms += 10**9
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    page = client.get(f"/clips/{clip}/offers")
    assert page.status_code == 200
    assert to_them not in page.text
    assert "Back to the clip" in page.text
