"""The figures' page, rows, API, files and command: who reads what."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from catalog import figures
from catalog.figures import written
from catalog.figures.shape import Chart
from catalog.web import charts
from models.account import Role
from models.base import reading, unit_of_work
from models.creator import Creator
from tests import member_factories, people
from tests.commands import reelyard
from tests.figure_factories import (
    END_MS,
    TIERS,
    at,
    happened,
    month_of,
)


@pytest.fixture
def member(database: Path) -> tuple[str, str]:
    """A membership's id and its creator's; what happened to it is each test's own."""
    with unit_of_work() as session:
        found = member_factories.membership(session)
        return found.id, found.creator_id


@pytest.fixture
def books(member: tuple[str, str]) -> tuple[str, str]:
    membership_id, creator_id = member
    happened(
        membership_id,
        creator_id,
        *(
            (at(1, 2 + day), "changed" if day else "joined", TIERS[day % 3], 300 + day)
            for day in range(25)
        ),
        *((at(2, 1 + day), "changed", TIERS[day % 2], 400 + day) for day in range(28)),
        *((at(3, 1 + day), "changed", TIERS[day % 2], 500 + day) for day in range(31)),
        *((at(3, 1 + day, 12), "changed", TIERS[day % 2], 900) for day in range(30)),
    )
    return member


def test_a_figure_leads_to_its_rows_page_by_page(books: tuple[str, str]) -> None:
    with reading() as session:
        first = figures.rows_of(session, "mrr", END_MS)
        rest = figures.rows_of(session, "mrr", END_MS, after=first.after)
        march = figures.rows_of(session, "mrr", END_MS, wanted={"month": "2026-03"})
        new = figures.rows_of(session, "mrr", END_MS, wanted={"movement": "new"})
    assert (len(first.rows), len(rest.rows), rest.after) == (100, 14, "")
    times = [int(row[0]) for row in [*first.rows, *rest.rows] if row[0] is not None]
    assert times == sorted(times, reverse=True)
    assert len(march.rows) == 61
    assert [row[2] for row in new.rows] == ["joined"]
    moved = sum(int(row[6] or 0) - int(row[5] or 0) for row in march.rows)
    assert moved == month_of("mrr")["end"] - month_of("mrr")["start"]


def test_creators_read_their_own_and_staff_the_houses(
    client: TestClient, books: tuple[str, str]
) -> None:
    assert client.get("/figures").status_code in (303, 401)
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    with reading() as session:
        slug = session.get_one(Creator, books[1]).slug
    assert slug == "ada"
    page = client.get("/figures?as_of=2026-03-31")
    assert page.status_code == 200
    assert 'role="img"' in page.text
    people.sign_out(client)
    people.sign_in(client, "bob@example.org", Role.CREATOR, creator="bob")
    empty = client.get("/figures?as_of=2026-03-31")
    assert "Nobody is a member yet" in empty.text
    assert client.get("/figures?as_of=2026-03-31&creator=ada").status_code == 404
    people.sign_out(client)
    people.sign_in(client, "carl@example.org")
    assert client.get("/figures").status_code == 404
    people.sign_out(client)
    people.sign_in(client, "staff@example.org", Role.STAFF)
    for path in ("/figures", "/figures?creator=ada", "/figures?creator=bob"):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/figures/mrr?as_of=2026-03-31&month=2026-03&movement=expansion", 200),
        ("/figures/members?as_of=2026-03-31&month=2026-03&what=joined&tier=early", 200),
        ("/figures/conversion?arm=shown&bought=1", 200),
        ("/figures/offers?kind=tip&answer=accepted", 200),
        ("/figures/licensing?month=2026-03&currency=USD", 200),
        ("/figures/fulfilment", 200),
        ("/figures/monetised?way=none", 200),
        ("/figures/mrr.csv?as_of=2026-03-31&table=tiers", 200),
        ("/figures.csv?as_of=2026-03-31", 200),
        ("/figures/nothing", 404),
        ("/figures/mrr.csv?table=other", 404),
        ("/figures?as_of=2026-02-30", 400),
        ("/figures?as_of=9999-12-31", 400),
        ("/figures?as_of=2199-12-31", 400),
        ("/figures/mrr?month=2026-13", 400),
        ("/figures/mrr/rows.csv?as_of=2026-03-31&movement=new", 200),
        ("/figures/nothing/rows.csv", 404),
        ("/figures/mrr/rows.csv?movement=sideways", 400),
        ("/figures/members?what=slept", 400),
        ("/figures/mrr?movement=sideways", 400),
        ("/figures/conversion?arm=left", 400),
        ("/figures/monetised?way=luck", 400),
        ("/figures/mrr?after=1~", 400),
        ("/figures/mrr?tier=%00", 400),
    ],
)
def test_each_address_answers_what_was_asked_or_says_what_is_wrong(
    client: TestClient, books: tuple[str, str], path: str, status: int
) -> None:
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:300]


def test_the_api_tells_what_the_page_shows_to_the_cent(
    client: TestClient, books: tuple[str, str]
) -> None:
    account_id = people.account("ada@example.org", Role.CREATOR, creator="ada")
    program = people.token(account_id, "figures:read")
    told = client.get("/api/v1/figures?as_of=2026-03-31", headers=program).json()
    with reading() as session:
        found = figures.all_of(session, END_MS, books[1])
    assert told == json.loads(json.dumps(written.as_data(found, END_MS)))
    one = client.get("/api/v1/figures/mrr?as_of=2026-03-31", headers=program).json()
    assert one == told["figures"][0]
    address = "/api/v1/figures/mrr/rows?as_of=2026-03-31&month=2026-03&movement=expansion"
    listed = client.get(address, headers=program).json()
    assert listed["rows"]
    assert all(row["after"] > row["before"] for row in listed["rows"])
    other = people.token(account_id, "orders:read")
    assert client.get("/api/v1/figures", headers=other).status_code == 403


def test_a_table_is_a_csv_that_no_spreadsheet_runs(
    client: TestClient, books: tuple[str, str]
) -> None:
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    answer = client.get("/figures/mrr.csv?as_of=2026-03-31")
    assert "mrr-months-2026-03-31.csv" in answer.headers["content-disposition"]
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert found[0]["month"] == "2026-03"
    assert int(found[0]["end_millicents"]) == month_of("mrr")["end"]


def test_all_rows_are_a_csv_whatever_their_number(
    client: TestClient, books: tuple[str, str]
) -> None:
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    answer = client.get("/figures/mrr/rows.csv?as_of=2026-03-31")
    assert "mrr-rows-2026-03-31.csv" in answer.headers["content-disposition"]
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(found) == 114 > figures.asked.PAGE
    assert len({row["at"] for row in found}) == len(found)
    moved = sum(int(row["after_millicents"]) - int(row["before_millicents"]) for row in found)
    assert moved == month_of("mrr")["end"]


def test_what_a_row_shows_adds_up_to_its_end(client: TestClient, books: tuple[str, str]) -> None:
    account_id = people.account("ada@example.org", Role.CREATOR, creator="ada")
    program = people.token(account_id, "figures:read")
    told = client.get("/api/v1/figures/mrr?as_of=2026-03-31", headers=program).json()
    moved = ("start", "new", "expansion", "contraction", "churn")
    for row in told["tables"]["months"]:
        assert sum(row[name] for name in moved) == row["end"]
    for row in told["tables"]["tiers"]:
        assert sum(row[name] for name in (*moved, "moved")) == row["end"]
    units = {one["key"]: one["unit"] for one in told["columns"]["months"]}
    assert units["end"] == "millicents"
    assert list(units) == list(told["tables"]["months"][0])


def test_a_row_that_was_chosen_says_so_and_a_test_of_a_tier_is_one_link_away(
    client: TestClient, books: tuple[str, str]
) -> None:
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    page = client.get("/figures/mrr?as_of=2026-03-31&month=2026-03&movement=new").text
    assert 'aria-current="true"' in page
    assert "movement=churn" in page
    whole = client.get("/figures?as_of=2026-03-31").text
    assert 'href="/members/ada"' in whole
    assert "add up to the end" in whole
    assert client.get("/members/ada").status_code == 200


def test_the_command_prints_a_table_json_or_csv(books: tuple[str, str]) -> None:
    shown = reelyard("kpis", "--as-of", "2026-03-31")
    assert shown.returncode == 0, shown.stderr
    assert "As of the end of 31 March 2026, UTC" in shown.stdout
    assert "no merch orders yet" in shown.stdout
    data = json.loads(reelyard("kpis", "--as-of", "2026-03-31", "--json").stdout)
    assert data["as_of"] == "2026-03-31"
    assert [one["name"] for one in data["figures"]] == list(figures.FIGURES)
    lines = reelyard("kpis", "--as-of", "2026-03-31", "--csv").stdout.splitlines()
    assert lines[0].startswith("as_of,figure,value,amount")
    assert lines[1].split(",")[:4] == ["2026-03-31", "mrr", "Recurs in a month", "900000"]


@pytest.mark.parametrize(
    "wrong", [("--as-of", "soon"), ("--creator", "nobody"), ("--json", "--csv")]
)
def test_the_command_says_what_is_wrong_in_one_line(database: Path, wrong: tuple[str, str]) -> None:
    done = reelyard("kpis", *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_chart_begins_at_zero_and_says_in_words_what_it_draws() -> None:
    labels = ("2026-01", "2026-02", "2026-03")
    series = (("Early", (100_000, 200_000, 0)), ("<Drops>", (0, 900_000, None)))
    chart = Chart("Recurs", "millicents", labels, series, "USD")
    drawing = charts.drawn(chart, "c")
    root = ElementTree.fromstring(drawing)
    assert root.attrib["aria-labelledby"] == "c-title c-desc"
    texts = [one.text for one in root.iter("text")]
    assert texts[:2] == ["0", "5"]
    assert "Mar 26" in texts
    words = charts.described(chart)
    assert words.startswith("March 2026: $0.00. Highest: $11.00, February 2026.")
    assert len(list(root.iter("rect"))) == 3


def test_people_are_not_counted_in_halves() -> None:
    chart = Chart("Members", "count", ("2026-01", "2026-02"), (("Early", (0, 1)),))
    root = ElementTree.fromstring(charts.drawn(chart, "m"))
    texts = [one.text for one in root.iter("text")]
    assert texts[:2] == ["0", "1"]
    assert "0.5" not in texts


def test_what_goes_below_nothing_hangs_below_the_line() -> None:
    chart = Chart("Net", "cents", ("2026-01", "2026-02"), (("Net", (500, -300)),), "USD")
    root = ElementTree.fromstring(charts.drawn(chart, "n"))
    up, down = root.iter("rect")
    assert float(up.attrib["y"]) + float(up.attrib["height"]) == pytest.approx(
        float(down.attrib["y"]), abs=0.2
    )
