"""The vocabulary of Media RSS 1.5.1, read off its specification: elements, attributes, values.

An attribute stands with the values that it may have: a tuple of them, or a pattern.
"""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

SPACE = "http://search.yahoo.com/mrss/"
URL = r"https?://[^\s]+"
NUMBER, DECIMAL, ANY = r"\d+", r"\d+(\.\d+)?", r"[^\x00-\x1f]+"
LANG, MIME = r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*", r"[a-z]+/[\w.+-]+"
PLAIN = ("plain", "html")
ITEM, GROUP, CONTENT = "item", "group", "content"
ANYWHERE = ("channel", ITEM, GROUP, CONTENT)

Values = tuple[str, ...] | str
ELEMENTS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Values]]] = {
    "group": ((ITEM,), {}),
    "content": (
        (ITEM, GROUP),
        {
            "url": URL,
            "fileSize": NUMBER,
            "type": MIME,
            "medium": ("image", "audio", "video", "document", "executable"),
            "isDefault": ("true", "false"),
            "expression": ("sample", "full", "nonstop"),
            "bitrate": DECIMAL,
            "framerate": DECIMAL,
            "samplingrate": DECIMAL,
            "channels": NUMBER,
            "duration": NUMBER,
            "height": NUMBER,
            "width": NUMBER,
            "lang": LANG,
        },
    ),
    "adult": (ANYWHERE, {}),
    "rating": (ANYWHERE, {"scheme": ANY}),
    "title": (ANYWHERE, {"type": PLAIN}),
    "description": (ANYWHERE, {"type": PLAIN}),
    "keywords": (ANYWHERE, {}),
    "thumbnail": (ANYWHERE, {"url": URL, "width": NUMBER, "height": NUMBER, "time": ANY}),
    "category": (ANYWHERE, {"scheme": ANY, "label": ANY}),
    "hash": (ANYWHERE, {"algo": ("md5", "sha-1")}),
    "player": (ANYWHERE, {"url": URL, "height": NUMBER, "width": NUMBER}),
    "credit": (ANYWHERE, {"role": r"[^A-Z]+", "scheme": ANY}),
    "copyright": (ANYWHERE, {"url": URL}),
    "text": (ANYWHERE, {"type": PLAIN, "lang": LANG, "start": ANY, "end": ANY}),
    "restriction": (
        ANYWHERE,
        {"relationship": ("allow", "deny"), "type": ("country", "uri", "sharing")},
    ),
    "community": (ANYWHERE, {}),
    "comments": (ANYWHERE, {}),
    "embed": (ANYWHERE, {"url": URL, "width": NUMBER, "height": NUMBER}),
    "responses": (ANYWHERE, {}),
    "backLinks": (ANYWHERE, {}),
    "status": (ANYWHERE, {"state": ("active", "blocked", "deleted"), "reason": ANY}),
    "price": (
        ANYWHERE,
        {
            "type": ("rent", "purchase", "package", "subscription"),
            "info": URL,
            "price": DECIMAL,
            "currency": r"[A-Z]{3}",
        },
    ),
    "license": (ANYWHERE, {"type": MIME, "href": URL}),
    "subTitle": (ANYWHERE, {"type": MIME, "lang": LANG, "href": URL}),
    "peerLink": (ANYWHERE, {"type": MIME, "href": URL}),
    "location": (ANYWHERE, {"description": ANY, "start": ANY, "end": ANY}),
    "rights": (ANYWHERE, {"status": ("userCreated", "official")}),
    "scenes": (ANYWHERE, {}),
}
NEEDED = {
    "thumbnail": ("url",),
    "player": ("url",),
    "restriction": ("relationship",),
    "status": ("state",),
    "subTitle": ("href",),
    "license": ("href",),
}
ONCE = ("title", "description", "keywords", "player", "copyright", "status", "license", "rights")


def faults(root: ET.Element) -> list[str]:
    """What of it is not in the vocabulary; empty where all is."""
    found: list[str] = []
    for parent in root.iter():
        where = parent.tag.rpartition("}")[2]
        media = [child for child in parent if child.tag.startswith(f"{{{SPACE}}}")]
        names = [child.tag.rpartition("}")[2] for child in media]
        found += [f"{where}: {name} twice" for name in ONCE if names.count(name) > 1]
        for name, child in zip(names, media, strict=True):
            found += _of(name, child, where)
        if where == ITEM and "content" in names and "player" not in names:
            urls = [child.get("url") for child in media if child.tag.endswith("}content")]
            found += ["content without url and without player"] if not all(urls) else []
    return found


def _of(name: str, element: ET.Element, where: str) -> list[str]:
    if name not in ELEMENTS:
        return [f"there is no media:{name}"]
    places, known = ELEMENTS[name]
    found = [] if where in places else [f"media:{name} can't be in {where}"]
    for attribute, value in element.attrib.items():
        allowed = known.get(attribute)
        if allowed is None:
            found.append(f"media:{name} has no {attribute}")
        elif (
            value not in allowed if isinstance(allowed, tuple) else not re.fullmatch(allowed, value)
        ):
            found.append(f"media:{name} {attribute}={value!r}")
    needed = (one for one in NEEDED.get(name, ()) if one not in element.attrib)
    return found + [f"media:{name} needs {one}" for one in needed]


def _is_allowed(value: str, allowed: Values) -> bool:
    return value in allowed if isinstance(allowed, tuple) else bool(re.fullmatch(allowed, value))
