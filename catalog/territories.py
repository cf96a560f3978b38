"""Territories: ISO 3166-1 countries, and the world."""

import functools
from collections.abc import Iterable
from typing import Any

import pycountry

from catalog.errors import BadRequest

WORLD = "WORLD"
MOST = 26 * 26


@functools.cache
def names() -> dict[str, str]:
    """Alpha-2 code to English name, by name."""
    countries: list[Any] = list(pycountry.countries)
    found = {one.alpha_2: getattr(one, "common_name", one.name) for one in countries}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def number(code: str) -> int:
    """A code as a number that never changes, whatever countries come and go."""
    return (ord(code[0]) - 65) * 26 + ord(code[1]) - 65


def checked(codes: Iterable[str]) -> list[str]:
    """Upper case, each once, in order; WORLD stands alone. Raises BadRequest for what is none."""
    found = sorted({code.strip().upper() for code in codes if code.strip()})
    for code in found:
        if code != WORLD and code not in names():
            raise BadRequest(f"{code[:10]!r} is no country's code (ISO 3166-1 alpha-2, or WORLD).")
    return [WORLD] if WORLD in found else found


def cells(codes: Iterable[str], without: Iterable[str] = ()) -> frozenset[int]:
    """As numbers. The world holds countries to come, too."""
    codes = list(codes)
    whole = range(MOST) if WORLD in codes else map(number, codes)
    return frozenset(whole) - frozenset(map(number, without))


def codes(numbers: Iterable[int]) -> list[str]:
    """The countries with these numbers; WORLD where it is all of them."""
    known = {number(code): code for code in names()}
    found = sorted(known[one] for one in numbers if one in known)
    return [WORLD] if len(found) == len(known) else found


def within(codes: Iterable[str], without: Iterable[str] = ()) -> set[str]:
    """The countries that there are today, by code."""
    codes = list(codes)
    return set(names() if WORLD in codes else codes) - set(without)


def told_short(codes: Iterable[str], without: Iterable[str] = ()) -> str:
    """As `told`, but a long list is only counted."""
    codes, without = list(codes), list(without)
    if WORLD in codes and len(without) > 3:
        return f"worldwide except {len(without)} countries"
    return told(codes, without) if len(codes) <= 3 else f"{len(within(codes, without))} countries"


def told(codes: Iterable[str], without: Iterable[str] = ()) -> str:
    """ "worldwide", "worldwide except France", "Germany and Poland"."""
    codes, without = list(codes), list(without)
    named = names()
    base = "worldwide" if WORLD in codes else _listed([named.get(code, code) for code in codes])
    return f"{base} except {_listed([named.get(c, c) for c in without])}" if without else base


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
