"""Migrations: `python -m models.migrations check|make MESSAGE`, and `migrate()` at every start.

Alembic is loaded where there is something to migrate: a start that finds nothing to do is quick.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from models.base import engine

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent


def config(url: str | None = None) -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.attributes["engine"] = engine(url) if url else engine()
    return made


def migrate(url: str | None = None) -> None:
    """Bring the database to the newest form. Two starts at once are one migration."""
    bound = engine(url) if url else engine()
    if bound.dialect.name == "sqlite" and bound.url.database:
        Path(bound.url.database).parent.mkdir(parents=True, exist_ok=True)
    if not up_to_date(bound):
        from alembic import command

        command.upgrade(config(url), "head")


def up_to_date(bound: Engine) -> bool:
    with bound.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        at = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return at == [newest()]


def newest() -> str:
    """Each file's name begins with its revision, counted up."""
    return max(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))
