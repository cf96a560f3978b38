"""what was seen, what a creator thinks of it"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("undone_ms", sa.BigInteger(), nullable=True),
        sa.Column("forgotten_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_review_candidate_id")
        ),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_review_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_candidate_id"), ["candidate_id"], unique=False)
        batch_op.create_index(
            "ix_review_taught", ["creator_id", "profile", "created_ms"], unique=False
        )

    op.create_table(
        "picture_chunk",
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cuts", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_picture_chunk_recording_id")
        ),
        sa.PrimaryKeyConstraint("recording_id", "number", name=op.f("pk_picture_chunk")),
    )
    with op.batch_alter_table("analysis", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("profile", sa.String(length=20), nullable=False, server_default="auto")
        )
        batch_op.add_column(sa.Column("weights", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("least", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("words", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("ratings", sa.JSON(), nullable=False, server_default="[]"))

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.add_column(sa.Column("chat", sa.JSON(), nullable=False, server_default="[]"))

    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("exact", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("replaces_id", sa.String(length=32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.drop_column("replaces_id")
        batch_op.drop_column("exact")
        batch_op.drop_column("asked_ms")

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.drop_column("chat")

    with op.batch_alter_table("analysis", schema=None) as batch_op:
        batch_op.drop_column("ratings")
        batch_op.drop_column("words")
        batch_op.drop_column("least")
        batch_op.drop_column("weights")
        batch_op.drop_column("profile")

    op.drop_table("picture_chunk")
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.drop_index("ix_review_taught")
        batch_op.drop_index(batch_op.f("ix_review_candidate_id"))

    op.drop_table("review")
