"""indexes for what is read much: facets by place, a pool's members by time"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_pool_member_added", "pool_member", ["pool_id", "added_ms"])
    op.create_index("ix_pool_member_removed", "pool_member", ["pool_id", "removed_ms"])
    # A search counts the facets of a thousand entries: here many of them share a page. Not on
    # PostgreSQL, where a key has a longest length and the entries are met in another way.
    if op.get_bind().dialect.name == "sqlite":
        told = ["place", "score", "listing_id", "facets"]
        op.create_index("ix_search_entry_facets", "search_entry", told)


def downgrade() -> None:
    op.drop_index("ix_pool_member_removed", "pool_member")
    op.drop_index("ix_pool_member_added", "pool_member")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_search_entry_facets", "search_entry")
