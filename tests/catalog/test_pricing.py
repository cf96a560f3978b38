"""A price is a base times factors: exact, explained, and never less for more."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import pricing, terms
from catalog.errors import BadRequest
from catalog.pricing import Priced, factor_of, reckoned, rounded
from catalog.uses import LONGEST_DAYS, Fields, Use, completed
from models.base import unit_of_work
from models.listing import Listing
from models.settings import settings as the_settings
from models.terms import PriceRule
from tests import factories
from tests import rights_factories as rights

PLACES = ["DE", "FR", "US", "JP", "BR", "KE", "AU"]


def rule(kind: str, **values: Any) -> PriceRule:
    said = pricing._seeds()
    own = said["kinds"][kind]
    given: dict[str, Any] = {
        "id": "rule",
        "kind": kind,
        "currency": "USD",
        "base_cents": own["base_cents"],
        "floor_cents": own["floor_cents"],
        "round_cents": said["round_cents"],
        "factors": {name: said["tables"][name] for name in own["factors"]},
    }
    return PriceRule(**{**given, **values})


def fields(kind: str) -> Fields:
    return next(one.fields for one in terms.written() if one.kind == kind)


def priced(kind: str, use: dict[str, Any], length_ms: int = 30_000, **values: Any) -> Priced:
    row, allowed = rule(kind, **values), fields(kind)
    return reckoned(row, row.base_cents, allowed, completed(allowed, use, 0), length_ms)


MOST_SEATS, MOST_PROJECTS = 10, 5
USE = st.fixed_dictionaries(
    {
        "media": st.lists(
            st.sampled_from(["web", "social", "ads", "print", "apps", "events"]),
            min_size=1,
            unique=True,
        ),
        "territory": st.one_of(
            st.just(["WORLD"]), st.lists(st.sampled_from(PLACES), min_size=1, unique=True)
        ),
        "term_days": st.one_of(st.none(), st.integers(1, LONGEST_DAYS)),
        "audience": st.integers(1, 1_000_000),
        "seats": st.integers(1, MOST_SEATS),
        "projects": st.integers(1, MOST_PROJECTS),
    }
)
MONEY = st.fixed_dictionaries(
    {
        "base_cents": st.integers(1, 10_000_000),
        "floor_cents": st.integers(0, 100_000),
        "round_cents": st.sampled_from([1, 5, 50, 99, 100, 1_000]),
    }
)


@settings(deadline=None)
@given(use=USE, length_ms=st.integers(1, 600_000), money=MONEY)
def test_the_lines_multiply_to_the_price(
    use: dict[str, Any], length_ms: int, money: dict[str, int]
) -> None:
    found = priced("standard", use, length_ms, **money)
    lines = found.breakdown
    product = Fraction(lines[0].cents or 0)
    for line in lines[1:]:
        product *= Fraction(line.factor or 1)
    wanted = rounded(max(product, Fraction(money["floor_cents"])), money["round_cents"])
    assert found.price_cents == wanted
    assert lines[0].cents == money["base_cents"]
    if product != wanted:
        assert lines[-1].cents == wanted, "a reader sees why it is not the product"
    assert found.price_cents >= money["floor_cents"]
    assert found.price_cents % money["round_cents"] == 0


@settings(deadline=None)
@given(use=USE, more=USE, length_ms=st.integers(1, 600_000), longer=st.integers(0, 600_000))
@example(
    use={
        "media": ["web"],
        "territory": PLACES,
        "term_days": LONGEST_DAYS,
        "audience": 1,
        "seats": 1,
        "projects": 1,
    },
    more={
        "media": ["ads"],
        "territory": ["WORLD"],
        "term_days": None,
        "audience": 2,
        "seats": 2,
        "projects": 2,
    },
    length_ms=1,
    longer=0,
)
def test_more_never_costs_less(
    use: dict[str, Any], more: dict[str, Any], length_ms: int, longer: int
) -> None:
    """One argument after the other grows to at least what both uses hold."""
    grown = {
        "media": [*use["media"], *(one for one in more["media"] if one not in use["media"])],
        "territory": ["WORLD"]
        if ["WORLD"] in (use["territory"], more["territory"])
        else sorted({*use["territory"], *more["territory"]}),
        "term_days": None
        if None in (use["term_days"], more["term_days"])
        else max(use["term_days"], more["term_days"]),
        **{name: max(use[name], more[name]) for name in ("audience", "seats", "projects")},
    }
    before = priced("standard", use, length_ms).price_cents
    now = dict(use)
    for name, value in grown.items():
        now[name] = value
        after = priced("standard", now, length_ms).price_cents
        assert after >= before, name
        before = after
    assert priced("standard", now, length_ms + longer).price_cents >= before


def test_every_table_of_the_house_only_grows_and_ends_with_the_rest() -> None:
    for name, table in pricing._seeds()["tables"].items():
        factors = [Fraction(factor) for _, factor in table]
        steps = [most for most, _ in table[:-1]]
        assert factors == sorted(factors), name
        assert steps == sorted(set(steps)), name
        assert table[-1][0] == pricing.MORE, name
        assert factor_of(table, float("inf")) == table[-1][1], name


def test_a_price_by_hand() -> None:
    use = {"media": ["web", "ads"], "territory": ["DE"], "term_days": 30, "audience": 100_000}
    found = priced("standard", {**use, "seats": 1, "projects": 1}, 42_000)
    # 99.00 x 1.25 (length) x 1.25 (media) x 0.6 (territory) x 0.6 (term) x 0.8 (audience)
    assert found.price_cents == 4_500  # 44.55, rounded up to a whole dollar
    assert [(line.what, line.factor or line.cents) for line in found.breakdown] == [
        ("Base price", 9_900),
        ("Length: 42 seconds", "1.25"),
        ("Media: 2", "1.25"),
        ("Territory: Germany", "0.6"),
        ("Term: 30 days", "0.6"),
        ("Audience: up to 100,000", "0.8"),
        ("Rounded up", 4_500),
    ]


def test_the_floor_is_said_where_it_holds() -> None:
    found = priced("exclusive", {"media": ["web"], "territory": ["KE"], "term_days": 1}, 5_000)
    assert found.price_cents == 50_000
    assert found.breakdown[-1].what == "The least that this license costs"


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ({"term_days": -1}, "term_days"),
        ({"term_days": 10**30}, "term_days"),
        ({"term_days": 1.5}, "term_days"),
        ({"audience": 0}, "audience"),
        ({"audience": 1_000_001}, "audience"),
        ({"seats": 11}, "seats"),
        ({"projects": "many"}, "projects"),
        ({"media": []}, "media"),
        ({"media": ["telepathy"]}, "telepathy"),
        ({"media": ["film"]}, "film"),
        ({"territory": ["XX"]}, "XX"),
        ({"territory": ["ATLANTIS"]}, "ATLANTIS"),
        ({"territory": ["DE"], "without": ["DE"]}, "territory"),
        ({"starts_ms": -1}, "starts_ms"),
        ({"price_cents": 1}, "price_cents"),
    ],
)
def test_a_use_that_is_none_is_refused_by_its_field(use: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        completed(fields("standard"), use, 0)


def test_what_is_not_asked_for_can_not_be_chosen() -> None:
    assert completed(fields("comp"), {"term_days": 30}, 7).starts_ms == 7
    with pytest.raises(BadRequest, match="can't be chosen"):
        completed(fields("comp"), {"term_days": None}, 0)


@pytest.mark.usefixtures("database")
def test_a_creators_own_price_takes_the_place_of_the_houses_until_it_is_taken_back() -> None:
    with unit_of_work() as session:
        listing = rights.listing(session)
        ada = listing.clip.recording.creator_id
        row = rights.terms_of(session, "social")
        use = completed(terms.fields(row), {}, 0)
        before = pricing.price(session, listing, row, use)
        house = pricing.rules(session, ada)["social"]
        own = pricing.put(session, "social", ada, house.base_cents * 2, 100, house.factors)
        after = pricing.price(session, listing, row, use)
        assert after.rule_id == own.id
        assert after.breakdown[0].cents == 2 * house.base_cents
        assert after.price_cents > before.price_cents
        stranger = rights.listing(session, creator_id=factories.creator(session, "bo").id)
        assert pricing.price(session, stranger, row, use) == before
        pricing.withdraw(session, "social", ada)
        assert pricing.price(session, listing, row, use) == before


@pytest.mark.usefixtures("database")
def test_a_recordings_hint_is_its_base_and_the_other_kinds_keep_their_distance() -> None:
    with unit_of_work() as session:
        plain = rights.listing(session)
        dear = rights.listing(session, sidecar={"price_hint_cents": 19_800})
        other = {"price_hint_cents": 19_800, "price_hint_currency": "CHF"}
        foreign = rights.listing(session, sidecar=other)
        for kind in ("standard", "social", "exclusive"):
            row = rights.terms_of(session, kind)
            use = completed(terms.fields(row), {}, 0)

            def base(listing: Listing, row: Any = row, use: Use = use) -> int:
                return pricing.price(session, listing, row, use).breakdown[0].cents or 0

            assert base(dear) == 2 * base(plain)
            assert base(foreign) == base(plain)


@pytest.mark.usefixtures("database")
def test_price_from_is_the_least_of_what_the_clip_can_be_licensed_for() -> None:
    with unit_of_work() as session:
        rights.publish(session)
        cleared, editorial = rights.listing(session), rights.listing(session, cleared=False)
        assert pricing.price_from(session, cleared) == (900, "USD")
        known = pricing.rules(session, "")
        house = known["personal"]
        ada = editorial.clip.recording.creator_id
        pricing.put(session, "personal", ada, 90_000, 90_000, house.factors)
        pricing.put(session, "social", ada, 90_000, 90_000, house.factors)
        cents, _ = pricing.price_from(session, editorial)
        row = terms.of_kind(session, "editorial")
        assert cents == pricing.least(pricing.rules(session, ada), editorial, row)


@pytest.mark.usefixtures("database")
def test_a_new_currency_brings_new_house_prices_and_drops_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with unit_of_work() as session:
        rights.publish(session)
        old = pricing.rules(session, "")["standard"]
    monkeypatch.setenv("REELYARD_CURRENCY", "EUR")
    the_settings.cache_clear()
    with unit_of_work() as session:
        assert not pricing.is_published(session)
        pricing.publish(session)
        pricing.publish(session)
        assert pricing.is_published(session)
        new = pricing.rules(session, "")["standard"]
        assert (new.currency, new.base_cents) == ("EUR", old.base_cents)
        assert session.get_one(PriceRule, old.id).retired_ms


@settings(deadline=None)
@given(seconds=st.integers(1, 7_200))
def test_length_counts_by_begun_seconds(seconds: int) -> None:
    whole = priced("personal", {}, seconds * 1_000)
    assert priced("personal", {}, seconds * 1_000 - 999) == whole
