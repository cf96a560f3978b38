"""What the pages at the door promise exists: commands, files and settings."""

import re
from pathlib import Path

import pytest
import typer

from models.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{p.relative_to(ROOT / 'docs')}" for p in (ROOT / "docs").rglob("*.md")),
]
CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)


def code(page: str) -> list[str]:
    """Code blocks and `spans`: what a reader may type or open."""
    return [found.strip("`") for found in CODE.findall((ROOT / page).read_text(encoding="utf-8"))]


def words_after(page: str, command: str) -> set[str]:
    return {
        word
        for part in code(page)
        for word in re.findall(rf"(?:^|[\s/]){command} ([a-z][a-z-]*)", part)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert words_after(page, "make") <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_reelyard_command_exists(page: str) -> None:
    from workers.cli import app

    group = typer.main.get_group(app)
    assert words_after(page, "reelyard") <= set(group.commands)


@pytest.mark.parametrize("page", PAGES)
def test_every_named_file_exists(page: str) -> None:
    made = Settings.model_fields["data"].default.name  # a user's data, not the project's
    folders = (path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    rooms = "|".join(name for name in folders if name != made)
    named = {part for part in code(page) if re.fullmatch(rf"(?:{rooms})/[\w./-]*", part)}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def setting_row(name: str) -> str:
    field = Settings.model_fields[name]
    default = "" if field.default in ("", None) else f"`{field.default}`"
    if isinstance(field.default, bool):
        default = default.lower()
    return f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |"


def test_the_readme_table_has_every_setting_as_it_describes_itself() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    head = ["| setting | default | what it does |", "|---|---|---|"]
    assert table.splitlines() == [*head, *map(setting_row, Settings.model_fields)]


def test_the_readme_names_every_event_of_stripe_that_is_listened_to() -> None:
    from catalog.payments import stripe

    named = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", stripe_part()))
    disputes = {one for one in named if one.startswith("charge.dispute.")}
    assert named - disputes == stripe.PAID | stripe.INTENTS | {
        *stripe.OVER,
        *stripe.TOLD_OF_REFUNDS,
    }
    source = (ROOT / "catalog/payments/stripe.py").read_text(encoding="utf-8")
    assert disputes == set(re.findall(r'"(charge\.dispute\.\w+)"', source))


def stripe_part() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8").split("At Stripe,")[1].split("\n\n")[0]
