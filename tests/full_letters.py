"""For a house in use: letters that were asked for, confirmed and stopped, by links of a mail."""

from catalog.entitlements import now_of
from catalog.letters import links
from models.base import unit_of_work
from models.consent import SubscriberState
from models.creator import creator_of
from models.settings import settings
from tests import letter_factories

LENA = "lena@example.org"


def fill(slug: str) -> dict[str, str]:
    """Pages of whoever opens the mailbox."""
    with unit_of_work() as session:
        creator = creator_of(session, slug)
        known = letter_factories.wish(session, LENA, "digest", creator)
        letter_factories.wish(session, LENA, "news", state=SubscriberState.ENDED)
        at = {"asked_ms": now_of(session), "confirmed_ms": None}
        asked = letter_factories.wish(
            session, "new@example.org", "news", creator, state=SubscriberState.ASKED, **at
        )
        found = {
            "letters confirm": links.confirm(session, asked),
            "letters preferences": links.preferences(session, known.id),
            "letters unsubscribe": links.unsubscribe(session, known.id),
        }
    paths = {name: one.removeprefix(settings().base_url) for name, one in found.items()}
    return paths | {"letters": "/letters", "letters of one": f"/letters?creator={slug}"}
