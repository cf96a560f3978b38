"""An embargo in a recording's sidecar: nobody sees its clips before, members first from then on."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catalog import reservations
from catalog.auth import Visitor
from catalog.members import ladder
from catalog.uses import Fields, completed
from models.base import unit_of_work
from models.clip import Clip
from models.membership import Membership
from models.reservation import ReservationKind
from tests import license_factories, member_factories, people
from tests.catalog.test_early_doors import Early_, early, published, reserved
from tests.perk_factories import now

__all__ = ["early"]
HOUR_MS = member_factories.HOUR_MS


def test_nobody_sees_a_clip_before_its_embargo_and_members_do_from_then_on(
    client: TestClient, early: Early_
) -> None:
    """An hour of early access is left between the embargo's end and everybody's day."""
    embargo_ms = now() + 71 * HOUR_MS
    listing = published(embargo_ms=embargo_ms, title="The sealed goal")
    path = f"/clips/{listing.clip_id}"
    assert sorted(reserved(listing)) == [
        (ReservationKind.EARLY, listing.visible_from_ms),
        (ReservationKind.EMBARGO, embargo_ms),
    ]
    people.sign_in(client, "mia@example.org")
    assert client.get(path).status_code == 404
    assert "sealed" not in client.get("/").text
    with unit_of_work() as session:
        mia = Visitor(account_id=session.get_one(Membership, early.membership_id).account_id)
        clip = session.get_one(Clip, listing.clip_id)
        assert ladder.opens_ms(session, clip, mia) == embargo_ms
        clip.recording.sidecar = {"embargo_ms": now() - 1}
    page = client.get(path).text
    assert "The sealed goal" in page
    assert "Early for you" in page
    assert "The sealed goal" in client.get("/").text


@pytest.mark.parametrize(("hours", "code"), [(1, "embargoed"), (50, "early_access")])
def test_what_is_in_the_way_of_a_license_is_the_embargo_and_then_early_access(
    database: Path, hours: int, code: str
) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
    listing = published(embargo_ms=now() + 48 * HOUR_MS)
    at = now() + hours * HOUR_MS
    with unit_of_work() as session:
        fields = Fields.model_validate(license_factories.terms(session).fields)
        use = completed(fields, {}, at)
        found = reservations.collision(session, listing.clip_id, use, fields, at, at + HOUR_MS)
        assert found is not None
        assert found.code == code
        assert found.next_free_ms == listing.visible_from_ms
