"""What every command does first. Light: `reelyard status` shall not load what only workers need."""

import os

from sqlalchemy import select

from catalog import pricing, terms
from models.base import new_id, reading, unit_of_work
from models.listing import Listing
from models.migrations import migrate
from models.settings import settings_or_exit
from models.steps import ask


def start_up() -> None:
    """Settings read, database and terms up to date, ffmpeg known. A wrong setting ends it."""
    chosen = settings_or_exit()
    chosen.data.mkdir(parents=True, exist_ok=True)
    if chosen.ffmpeg:
        os.environ["REELYARD_FFMPEG"] = chosen.ffmpeg
    migrate()
    publish_terms()


def publish_terms() -> None:
    """License terms and first prices as rows, where this version of the program brings new ones."""
    with reading() as session:
        if terms.is_published(session) and pricing.is_published(session):
            return
    with unit_of_work() as session:
        terms.publish(session)
        pricing.publish(session)
        if session.scalar(select(Listing.id).limit(1)):  # of a version that had no prices
            ask(session, "reprice", "house", None, new_id())
