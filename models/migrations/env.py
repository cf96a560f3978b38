"""Run by Alembic: one transaction for all migrations, one migrator at a time."""

from alembic import context
from sqlalchemy import text

import models  # noqa: F401 (makes every row known)
from models.base import Base


def _ours(name: str | None, kind: str, parents: object) -> bool:
    """Not the tables that SQLite's full-text index keeps for itself."""
    return not (kind == "table" and name and name.startswith("search_fts"))


bound = context.config.attributes["engine"]
with bound.connect() as connection, connection.begin():
    if bound.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(72656)"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=bound.dialect.name == "sqlite",
        transactional_ddl=False,
        include_name=_ours,
    )
    context.run_migrations()
