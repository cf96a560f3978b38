"""Each refusal that a program may get has a page that explains it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import catalog
from catalog import problems
from catalog.collisions import RANKED
from models.quote import QuoteState


def codes_of_refusals() -> Iterator[str]:
    """As they stand in the source."""
    for path in sorted(Path(catalog.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                named = [one.value for one in node.keywords if one.arg == "code"]
                for code in [*node.args[1:], *named]:
                    if isinstance(code, ast.Constant) and code.value:
                        yield str(code.value)


def test_every_code_of_a_refusal_is_explained() -> None:
    codes = {*codes_of_refusals(), *RANKED, *(f"quote_{state}" for state in QuoteState)}
    assert len(codes) > 20
    assert codes - problems.KINDS.keys() == set()
