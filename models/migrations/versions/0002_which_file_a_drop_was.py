"""which file a drop was"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("drop", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("mark", sa.String(length=80), nullable=False, server_default="")
        )


def downgrade() -> None:
    with op.batch_alter_table("drop", schema=None) as batch_op:
        batch_op.drop_column("mark")
