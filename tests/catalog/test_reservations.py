"""Nobody gets what somebody else has: rights as intervals over media, territory and time."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from catalog import reservations, terms
from catalog.errors import Refusal
from catalog.uses import DAY_MS, Use, interval
from models.base import now_ms, unit_of_work
from models.event import Event
from models.listing import Listing
from models.order import OrderLine
from models.reservation import FOREVER_MS, Reservation, ReservationKind
from tests import rights_factories as rights

LATER = 4_000_000_000_000
"""A day far ahead, so that the clock of the test is none of its questions."""
MINUTE = 60_000


def listed() -> str:
    with unit_of_work() as session:
        rights.publish(session)
        return rights.listing(session).id


def line(listing_id: str, kind: str = "exclusive", **use: Any) -> str:
    with unit_of_work() as session:
        return rights.line(session, session.get_one(Listing, listing_id), kind, **use).id


def now() -> int:
    with unit_of_work() as session:
        return session.scalar(select(now_ms())) or 0


def hold(line_id: str, minutes: int = 10) -> None:
    with unit_of_work() as session:
        at = (session.scalar(select(now_ms())) or 0) + minutes * MINUTE
        reservations.hold(session, session.get_one(OrderLine, line_id), at)


def confirm(line_id: str) -> None:
    with unit_of_work() as session:
        reservations.confirm(session, session.get_one(OrderLine, line_id))


def bought(listing_id: str, kind: str = "exclusive", **use: Any) -> str:
    made = line(listing_id, kind, **use)
    hold(made)
    confirm(made)
    return made


def refusal(line_id: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        hold(line_id)
    return refused.value


def kept(kind: ReservationKind) -> int:
    with unit_of_work() as session:
        wanted = select(func.count()).where(
            Reservation.kind == kind, Reservation.released_ms.is_(None)
        )
        return session.scalar(wanted) or 0


@pytest.mark.usefixtures("either")
def test_an_exclusive_is_sold_once_and_the_second_buyer_is_told_when_it_is_free() -> None:
    work = listed()
    bought(work, media=["web"], territory=["DE", "AT"], starts_ms=LATER, term_days=10)
    told = refusal(line(work, media=["web", "ads"], territory=["DE"], starts_ms=LATER, term_days=5))
    assert told.code == "exclusive_sold"
    assert told.facts == {
        "media": ["web"],
        "territory": ["DE"],
        "next_free_ms": LATER + 10 * DAY_MS,
    }
    assert "websites and blogs, Germany" in str(told)
    assert kept(ReservationKind.LICENSE) == 1
    assert kept(ReservationKind.HOLD) == 0


@pytest.mark.usefixtures("either")
def test_what_does_not_overlap_is_sold_to_both() -> None:
    work = listed()
    use: dict[str, Any] = {"media": ["web"], "territory": ["DE"], "starts_ms": LATER}
    bought(work, **use, term_days=10)
    for other in (
        {"media": ["ads"]},
        {"territory": ["FR"]},
        {"territory": ["WORLD"], "without": ["DE", "FR"]},
        {"starts_ms": LATER + 10 * DAY_MS},
        {"starts_ms": LATER - 10 * DAY_MS},
    ):
        bought(work, **{**use, "term_days": 10, **other})
    bought(listed(), **use, term_days=10)


@pytest.mark.usefixtures("either")
def test_shared_licenses_live_together_but_shut_out_a_later_exclusive() -> None:
    work = listed()
    for _ in range(3):
        bought(work, "standard", media=["web"], starts_ms=LATER, term_days=30)
    told = refusal(line(work, media=["web"], starts_ms=LATER, term_days=None))
    assert told.code == "already_licensed"
    assert told.facts["next_free_ms"] == LATER + 30 * DAY_MS
    bought(work, media=["print"], starts_ms=LATER, term_days=30)
    assert refusal(line(work, "extended", media=["print"], starts_ms=LATER)).code == (
        "exclusive_sold"
    )


@pytest.mark.usefixtures("either")
def test_a_right_without_end_never_becomes_free() -> None:
    work = listed()
    bought(work)
    told = refusal(line(work, "standard"))
    assert told.facts["next_free_ms"] is None
    assert "does not become free" in str(told)


@pytest.mark.usefixtures("either")
def test_a_hold_that_ran_out_makes_room_within_the_next_buyers_transaction() -> None:
    work = listed()
    first, second = line(work), line(work)
    hold(first)
    told = refusal(second)
    assert told.code == "on_hold"
    assert told.facts["next_free_ms"] > now()
    with unit_of_work() as session:
        session.execute(update(Reservation).values(expires_ms=now_ms() - 1))
    hold(second)
    with pytest.raises(Refusal):
        confirm(first)  # paid too late: it is not granted, the money goes back
    confirm(second)
    assert kept(ReservationKind.LICENSE) == 1
    with unit_of_work() as session:
        released = session.scalars(select(Event).filter_by(kind="reservation.released")).all()
    assert [one.facts["line_id"] for one in released] == [first]


@pytest.mark.usefixtures("either")
def test_paid_after_the_hold_ran_out_is_still_granted_where_nobody_came() -> None:
    mine = line(listed())
    hold(mine, minutes=-1)
    with unit_of_work() as session:
        assert reservations.release_expired(session) == 1
        assert reservations.release_expired(session) == 0
    confirm(mine)
    confirm(mine)
    hold(mine)
    assert kept(ReservationKind.LICENSE) == 1
    assert kept(ReservationKind.HOLD) == 0


@pytest.mark.usefixtures("either")
def test_a_refund_frees_what_was_licensed() -> None:
    work = listed()
    first = bought(work)
    with unit_of_work() as session:
        assert reservations.release(session, first)
        assert not reservations.release(session, first)
    bought(work)


@pytest.mark.usefixtures("either")
def test_holding_twice_is_one_hold_with_the_later_end() -> None:
    mine = line(listed())
    hold(mine)
    hold(mine, minutes=20)
    with unit_of_work() as session:
        (row,) = session.scalars(select(Reservation))
        assert row.expires_ms is not None
        assert row.expires_ms > (session.scalar(select(now_ms())) or 0) + 19 * MINUTE


@pytest.mark.usefixtures("either")
def test_a_private_copy_stands_in_nobodys_way_and_is_refused_while_another_has_it() -> None:
    work = listed()
    for kind in ("personal", "comp"):
        bought(work, kind)
    bought(work, starts_ms=LATER)
    bought(work, "personal")  # the exclusive has not begun
    other = listed()
    bought(other)
    assert refusal(line(other, "personal")).code == "exclusive_sold"
    ads = listed()
    bought(ads, media=["ads"])
    bought(ads, "personal")


@pytest.mark.usefixtures("either")
def test_an_embargo_and_an_early_window_shut_out_everything() -> None:
    work = listed()
    with unit_of_work() as session:
        listing = session.get_one(Listing, work)
        assert reservations.embargo(session, listing) is None, "it is seen already"
        listing.visible_from_ms = LATER
        assert reservations.embargo(session, listing)
        early = ReservationKind.EARLY
        until = LATER + DAY_MS
        reservations.embargo(session, listing, early, from_ms=LATER, until_ms=until)
    for kind in ("exclusive", "standard", "personal"):
        told = refusal(line(work, kind))
        assert told.code == "embargoed"
    assert refusal(line(work, "standard", starts_ms=LATER)).code == "early_access"
    hold(line(work, "standard", starts_ms=LATER + DAY_MS))


@pytest.mark.usefixtures("either")
def test_a_cart_is_held_whole_or_not_at_all() -> None:
    taken, free = listed(), listed()
    bought(taken)
    lines = [line(free), line(taken)]

    def hold_both() -> None:
        with unit_of_work() as session:
            rows = [session.get_one(OrderLine, one) for one in lines]
            reservations.hold_all(session, rows, LATER)

    with pytest.raises(Refusal):
        hold_both()
    assert kept(ReservationKind.HOLD) == 0
    hold(lines[0])


MEDIA = ["web", "social", "ads"]
PLACES = ["DE", "FR", "US"]


@dataclass(frozen=True)
class Asked:
    kind: str
    media: list[str]
    territory: list[str]
    without: list[str]
    start: int
    days: int | None

    def use(self) -> dict[str, Any]:
        return {
            "media": self.media,
            "territory": self.territory,
            "without": self.without,
            "starts_ms": LATER + self.start * DAY_MS,
            "term_days": self.days,
        }

    def cells(self) -> set[tuple[str, str, int]]:
        """Each medium, country and day for itself: the oracle knows no intervals."""
        world = self.territory == ["WORLD"]
        places = [one for one in [*PLACES, "XX"] if world or one in self.territory]
        places = [one for one in places if one not in self.without]
        days = range(self.start, 40 if self.days is None else min(self.start + self.days, 40))
        return {(medium, place, day) for medium in self.media for place in places for day in days}


def some(of: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), min_size=1, unique=True)


ASKED = st.builds(
    Asked,
    kind=st.sampled_from(["exclusive", "standard", "extended"]),
    media=some(MEDIA),
    territory=st.one_of(st.just(["WORLD"]), some(PLACES)),
    without=st.just([]),
    start=st.integers(0, 20),
    days=st.one_of(st.none(), st.integers(1, 15)),
)
WORLDWIDE = st.builds(
    Asked,
    kind=st.sampled_from(["exclusive", "standard"]),
    media=some(MEDIA),
    territory=st.just(["WORLD"]),
    without=some(PLACES),
    start=st.integers(0, 20),
    days=st.integers(1, 15),
)


@pytest.mark.usefixtures("either")
@seed(4)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=st.lists(st.one_of(ASKED, WORLDWIDE), min_size=2, max_size=8))
def test_the_database_grants_what_a_calendar_of_single_cells_would(asked: list[Asked]) -> None:
    work, exclusive, shared = listed(), set(), set()
    for one in asked:
        cells = one.cells()
        free = not (cells & exclusive or (one.kind == "exclusive" and cells & shared))
        mine = line(work, one.kind, **one.use())
        if free:
            hold(mine)
            confirm(mine)
            (exclusive if one.kind == "exclusive" else shared).update(cells)
        else:
            _is_told_the_next_free_day(mine, one, exclusive, shared)


def _is_told_the_next_free_day(
    mine: str, one: Asked, exclusive: set[Any], shared: set[Any]
) -> None:
    free = refusal(mine).facts["next_free_ms"]
    with unit_of_work() as session:
        row = session.get_one(OrderLine, mine)
        use = Use.model_validate(row.use)
        fields = terms.fields(row.terms)
        if free is None:
            assert any(day == 39 for _, _, day in exclusive | shared) or one.days is None
            return
        at = use.model_copy(update={"starts_ms": free})
        clip_id = row.listing.clip_id
        starts, ends = interval(at, 0)
        assert reservations.collision(session, clip_id, at, fields, starts, ends) is None
        earlier = at.model_copy(update={"starts_ms": free - DAY_MS})
        starts, ends = interval(earlier, 0)
        assert reservations.collision(session, clip_id, earlier, fields, starts, ends)
        assert ends <= FOREVER_MS
