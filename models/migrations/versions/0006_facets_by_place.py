"""facets by place"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A search counts the facets of a thousand entries: here many of them share a page. Not on
    # PostgreSQL, where a key has a longest length and the entries are met in another way.
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_search_entry_facets", "search_entry", ["place", "facets"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_search_entry_facets", "search_entry")
