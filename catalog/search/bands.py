"""Lengths and prices in the few steps that people filter by."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    name: str
    """As addresses have it."""
    label: str
    below: int | None
    """The first value that is too much; None: without end."""


LENGTHS = (
    Band("15s", "Under 15 s", 15_000),
    Band("30s", "15 to 30 s", 30_000),
    Band("60s", "30 to 60 s", 60_000),
    Band("more", "60 s and more", None),
)
PRICES = (
    Band("25", "Under 25", 2_500),
    Band("100", "25 to 100", 10_000),
    Band("500", "100 to 500", 50_000),
    Band("more", "500 and more", None),
)


def band_of(bands: Sequence[Band], value: int) -> str:
    return next(band.name for band in bands if band.below is None or value < band.below)


def label(bands: Sequence[Band], name: str) -> str:
    return next((band.label for band in bands if band.name == name), name)
