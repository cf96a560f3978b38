"""What a clip is called and found by, in its creator's own words."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from catalog import listings, rules, standing
from catalog.errors import NotFound, Refusal
from catalog.search import words
from models import event
from models.clip import Clip
from models.listing import ListingTag

LONGEST, MOST_TAGS, LONGEST_TAG = 120, 20, 40


def of(text: str) -> list[str]:
    """Tags as a person writes them: with commas between."""
    return [one for one in text.split(",") if one.strip()]


def reword(session: Session, clip_id: str, title: str, tags: Iterable[str]) -> Clip:
    """The signed manifest and the certificates keep what they said when they were made."""
    clip = session.get(Clip, clip_id, with_for_update=True)
    if clip is None:
        raise NotFound("There is no clip at this address.")
    name, kept = _title(title), _tags(tags)
    if (clip.title, clip.tags) == (name, kept):
        return clip
    before = {"title": clip.title, "tags": clip.tags}
    clip.title, clip.tags = name, kept
    if clip.listing is not None:
        had = {one.tag: one for one in clip.listing.tags}
        clip.listing.tags = [had.get(tag) or ListingTag(tag=tag) for tag in kept]
        listings.describe_again(session, clip.listing.id)
        standing.find_pools(session, clip.listing)
    event.record(session, "clip.reworded", clip.id, before=before, title=name, tags=kept)
    return clip


def _title(text: str) -> str:
    name = rules.clean(text)
    if not name:
        raise Refusal("A clip needs a title. Write a few words.", code="no_title")
    if len(name) > LONGEST:
        raise Refusal(
            f"The title has {len(name)} letters; {LONGEST} are the most. Shorten it.",
            code="title_long",
        )
    return name


def _tags(given: Iterable[str]) -> list[str]:
    kept = words.tags(rules.clean(one) for one in given)
    if len(kept) > MOST_TAGS:
        raise Refusal(
            f"There are {len(kept)} tags; {MOST_TAGS} are the most. Keep those that people "
            f"would search for.",
            code="tags_many",
        )
    long = next((one for one in kept if len(one) > LONGEST_TAG), None)
    if long is not None:
        raise Refusal(
            f"The tag “{long}” is longer than {LONGEST_TAG} letters. Shorten it, or put commas "
            f"between its parts.",
            code="tag_long",
        )
    return kept
