"""Full text, filters and facets over what is on sale; the same answer on both databases."""

from catalog.search.asking import MOST_WORDS, ORDERS, QUERY_LENGTH, Order, Wanted
from catalog.search.bands import LENGTHS, PRICES
from catalog.search.bands import label as band_label
from catalog.search.entries import describe, due, edition, put, reveal, reveal_due, take_out
from catalog.search.facets import Facet, Facets
from catalog.search.finding import (
    PAGE_LIMIT,
    Page,
    Relaxed,
    find,
    matches,
    relaxed,
    with_clip,
)
from catalog.search.hits import Hit
from catalog.search.likeness import similar
from catalog.search.suggesting import Suggestion, suggest

__all__ = [
    "LENGTHS",
    "MOST_WORDS",
    "ORDERS",
    "PAGE_LIMIT",
    "PRICES",
    "QUERY_LENGTH",
    "Facet",
    "Facets",
    "Hit",
    "Order",
    "Page",
    "Relaxed",
    "Suggestion",
    "Wanted",
    "band_label",
    "describe",
    "due",
    "edition",
    "find",
    "matches",
    "put",
    "relaxed",
    "reveal",
    "reveal_due",
    "similar",
    "suggest",
    "take_out",
    "with_clip",
]
