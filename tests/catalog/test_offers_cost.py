"""What a card costs the database."""

import sqlalchemy
from fastapi.testclient import TestClient

from models.base import engine, unit_of_work
from tests import member_factories as members
from tests import offer_factories as offers
from tests import people


def test_a_card_costs_no_more_queries_for_more_offers_and_clips(client: TestClient) -> None:
    """They were 225: each price was asked for again, clip by clip."""
    account_id = people.sign_in(client, "lena@example.org")
    with unit_of_work() as session:
        members.method(session, account_id)
    first = offers.clips(9, series="Harbour Cup")[0]
    for key in ("answer", "next", "scene", "keep", "trial", "tip"):
        offers.make(key)
    client.get("/offers-none")
    said: list[str] = []
    sqlalchemy.event.listen(engine(), "before_cursor_execute", lambda *asked: said.append(asked[2]))
    assert (
        client.get(
            f"/clips/{first}/offers", params={"part": "card", "offset": offers.noon()}
        ).status_code
        == 200
    )
    assert len(said) <= 45, "\n".join(said)
