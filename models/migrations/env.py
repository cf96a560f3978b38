"""Run by Alembic: one transaction for all migrations, one migrator at a time."""

from alembic import context
from sqlalchemy import text

import models  # noqa: F401 (makes every row known)
from models.base import Base

bound = context.config.attributes["engine"]
with bound.connect() as connection, connection.begin():
    if bound.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(72656)"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=bound.dialect.name == "sqlite",
        transactional_ddl=False,
    )
    context.run_migrations()
