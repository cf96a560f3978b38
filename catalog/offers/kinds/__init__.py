"""Kinds of offers: one module each, which says what it costs a visitor in full, what it gives, and
how it is bought. A new kind is a module here and an entry of KINDS.

deal(session, visitor, offer, clip, at_ms, what=None) -> Deal | None    `what`: as it was shown
begin(session, visitor, offer, view, deal) -> Onward     within the transaction of the click
under_way(session, visitor, view) -> Onward | None       what the click before this one began
check(facts)                                             raises BadRequest
"""

from types import ModuleType

from catalog.errors import BadRequest
from catalog.offers.kinds import bundle, pack, personal, tip, trial

KINDS: dict[str, ModuleType] = {
    "personal": personal,
    "pack": pack,
    "bundle": bundle,
    "tip": tip,
    "trial": trial,
}


def of(name: str) -> ModuleType:
    found = KINDS.get(name)
    if found is None:
        raise BadRequest(f"kind: one of {', '.join(KINDS)}.")
    return found
