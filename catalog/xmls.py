"""XML by a writer: every text is escaped, and what XML can't hold is left out."""

import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import TypeAlias
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Node: TypeAlias = "tuple[str, Mapping[str, str], Iterable[Node] | str]"
"""Name, attributes, and text or more of them."""


def document(root: Node) -> str:
    written = StringIO()
    writer = XMLGenerator(written, encoding="utf-8", short_empty_elements=True)
    writer.startDocument()
    _write(writer, root)
    return written.getvalue()


def text(value: object) -> str:
    return FORBIDDEN.sub("", str(value))


def _write(writer: XMLGenerator, node: Node) -> None:
    name, attributes, content = node
    written = {key: text(value) for key, value in attributes.items()}
    writer.startElement(name, AttributesImpl(written))
    if isinstance(content, str):
        writer.characters(text(content))
    else:
        for one in content:
            _write(writer, one)
    writer.endElement(name)
