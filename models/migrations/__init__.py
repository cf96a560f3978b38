"""Migrations: `python -m models.migrations check|make MESSAGE`, and `migrate()` at every start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from models.base import engine

FOLDER = Path(__file__).parent


def config(url: str | None = None) -> Config:
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
        command.upgrade(config(url), "head")


def up_to_date(bound: Engine) -> bool:
    from alembic.runtime.migration import MigrationContext

    with bound.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
    return at is not None and at == ScriptDirectory(str(FOLDER)).get_current_head()
