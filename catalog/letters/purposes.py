"""What letters are for. Each purpose is wished for and ended by itself, of each creator apart. One
stands here when something sends letters of it, and goes with that.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Purpose:
    title: str
    says: str
    """What comes and how often, beside its box."""
    asked: str
    """After "You get this because you asked for"."""
    joined: bool = False
    """For members: it is offered where one joins, not to everybody."""
    whole: bool = False
    """One letter holds what is new of several creators: to end it ends it for all of them."""


PURPOSES = {
    "digest": Purpose(
        title="New clips",
        says="The clips that opened to you since the last letter. When there are none, none comes.",
        asked="new clips",
        whole=True,
    ),
    "onboarding": Purpose(
        title="Getting started",
        says="Five short letters after you join: where things are, how to change or leave.",
        asked="the letters on getting started",
        joined=True,
    ),
    "news": Purpose(
        title="News",
        says="A drop or an event that is announced for your tier. One letter a day at most.",
        asked="news",
        joined=True,
    ),
}
RHYTHMS = {"week": "Once a week", "day": "Once a day"}
KEPT = (
    "Kept: your address, what you chose and when. For: sending it, and showing that you asked. "
    "Until: 30 days if you never confirm, and 30 days after you end it."
)


def offered() -> list[str]:
    """To everybody; what is for members comes with joining."""
    return [key for key, one in PURPOSES.items() if not one.joined]
