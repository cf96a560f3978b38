"""The command line starts quickly: a command loads what it needs, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.account import Role
from tests.commands import environment, reelyard
from workers import cli

HEAVY = ("alembic", "sqlalchemy", "models", "catalog", "pydantic", "structlog", "fastapi", "av")
SAY = "import sys; sys.stderr.write(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"


def loaded(*words: str) -> set[str]:
    """Names of what the command had loaded when it ended."""
    code = f"import atexit\natexit.register(lambda: exec({SAY!r}))\nfrom workers.cli import main\n"
    code += f"import sys\nsys.argv = ['reelyard', *{words!r}]\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=120
    )
    assert done.returncode == 0, done.stderr[-500:]
    return set(done.stderr.split())


def test_help_loads_neither_rows_nor_settings() -> None:
    assert not loaded("--help") & set(HEAVY)


def test_figures_load_neither_the_web_nor_the_log(database: Path) -> None:
    found = loaded("kpis", "--as-of", "2026-03-31", "--json")
    assert "sqlalchemy" in found
    assert not found & {"fastapi", "starlette", "structlog", "av", "dramatiq"}


def test_the_roles_that_can_be_given_are_all_that_there_are() -> None:
    assert cli.ROLES.split(", ") == [str(one) for one in Role]


@pytest.mark.parametrize("role", ["boss", "staff, member", ""])
def test_a_role_that_there_is_not_makes_no_link(database: Path, role: str) -> None:
    done = reelyard("sign-in", "ada@example.org", "--role", role)
    assert (done.returncode, done.stdout) == (2, "")
    assert cli.ROLES in " ".join(done.stderr.split())
