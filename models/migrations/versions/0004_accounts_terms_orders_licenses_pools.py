"""accounts, terms, orders, licenses, pools"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LINKS = (("asset", "license_id", "license"), ("creator", "account_id", "account"))
"""Added by hand: SQLite would make these tables anew, and others point at them."""

KEPT = ("payment_event", "invoice", "quote_note")
"""Append-only, whoever asks."""

# Lanes: two that share overlap freely, an exclusive one has a lane of its own and overlaps none.
POSTGRES = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
    ALTER TABLE reservation ADD CONSTRAINT reservation_overlaps EXCLUDE USING gist (
        clip_id WITH =,
        lane WITH <>,
        media WITH &&,
        territory WITH &&,
        int8range(from_ms, until_ms) WITH &&
    ) WHERE (released_ms IS NULL)
    """,
    """
    CREATE FUNCTION reelyard_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION reelyard_append_only()
        """
        for table in KEPT
    ),
)
_OVERLAP = """
    SELECT RAISE(ABORT, 'reservation_overlaps') FROM reservation AS other
    WHERE other.clip_id = NEW.clip_id AND other.id <> NEW.id AND other.lane <> NEW.lane
      AND other.released_ms IS NULL
      AND other.from_ms < NEW.until_ms AND NEW.from_ms < other.until_ms
      AND EXISTS (SELECT 1 FROM json_each(other.media)
                  WHERE value IN (SELECT value FROM json_each(NEW.media)))
      AND EXISTS (SELECT 1 FROM json_each(other.territory)
                  WHERE value IN (SELECT value FROM json_each(NEW.territory)));
"""
SQLITE = (
    *(
        f"""
        CREATE TRIGGER reservation_overlaps_{verb.lower()} BEFORE {verb} ON reservation
        WHEN NEW.released_ms IS NULL BEGIN {_OVERLAP} END
        """
        for verb in ("INSERT", "UPDATE")
    ),
    *(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """
        for table in KEPT
        for verb in ("UPDATE", "DELETE")
    ),
)


def _cells() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.INT4MULTIRANGE(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("verified_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    op.create_table(
        "answered",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("whose", sa.String(length=64), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "whose", name=op.f("pk_answered")),
    )
    with op.batch_alter_table("answered", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answered_created_ms"), ["created_ms"], unique=False)

    op.create_table(
        "magic_link",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("back", sa.String(length=500), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_magic_link")),
    )
    with op.batch_alter_table("magic_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_magic_link_email"), ["email"], unique=False)

    op.create_table(
        "mail",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("to", sa.String(length=254), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_created_ms"), ["created_ms"], unique=False)

    op.create_table(
        "price_rule",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("base_cents", sa.BigInteger(), nullable=False),
        sa.Column("floor_cents", sa.BigInteger(), nullable=False),
        sa.Column("round_cents", sa.BigInteger(), nullable=False),
        sa.Column("factors", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_rule")),
    )
    with op.batch_alter_table("price_rule", schema=None) as batch_op:
        batch_op.create_index(
            "uq_price_rule_in_force",
            ["kind", "creator_id"],
            unique=True,
            sqlite_where=sa.text("retired_ms IS NULL"),
            postgresql_where=sa.text("retired_ms IS NULL"),
        )

    op.create_table(
        "sandbox_payment",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=100), nullable=False),
        sa.Column("order_ref", sa.String(length=64), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("back_url", sa.String(length=500), nullable=False),
        sa.Column("cancel_url", sa.String(length=500), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_payment")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_sandbox_payment_idempotency_key")),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("line", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("published_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
        sa.UniqueConstraint("kind", "version", name=op.f("uq_terms_kind_version")),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("window_ms", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window_ms", name=op.f("pk_throttle")),
    )
    op.create_table(
        "lightbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("guest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("share", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_lightbox_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lightbox")),
    )
    with op.batch_alter_table("lightbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lightbox_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lightbox_guest"), ["guest"], unique=False)
        batch_op.create_index(batch_op.f("ix_lightbox_share"), ["share"], unique=False)

    op.create_table(
        "order",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("guest", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("processor", sa.String(length=20), nullable=False),
        sa.Column("payment_ref", sa.String(length=200), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("held_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("paid_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("total_cents >= 0", name="total_not_negative"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_order_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
    )
    with op.batch_alter_table("order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_guest"), ["guest"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_payment_ref"), ["payment_ref"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_state"), ["state"], unique=False)

    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_saved_search_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
    )
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_saved_search_account_id"), ["account_id"], unique=False
        )

    op.create_table(
        "sign_in",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("browser", sa.String(length=60), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_sign_in_account_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sign_in")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_account_id"), ["account_id"], unique=False)

    op.create_table(
        "token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("begins", sa.String(length=12), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_token_token_sha256")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_account_id"), ["account_id"], unique=False)

    op.create_table(
        "invoice",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_invoice_order_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_invoice")),
    )
    with op.batch_alter_table("invoice", schema=None) as batch_op:
        batch_op.create_index("ix_invoice_order", ["order_id"], unique=False)

    op.create_table(
        "payment_event",
        sa.Column("processor", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=True),
        sa.Column("payment_ref", sa.String(length=200), nullable=False),
        sa.Column("movement_ref", sa.String(length=200), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=300), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("happened_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_payment_event_order_id")),
        sa.PrimaryKeyConstraint("processor", "event_id", name=op.f("pk_payment_event")),
    )
    with op.batch_alter_table("payment_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_event_order_id"), ["order_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_payment_event_payment_ref"), ["payment_ref"], unique=False
        )
        batch_op.create_index("ix_payment_event_received", ["received_ms"], unique=False)
        batch_op.create_index(
            "ix_payment_event_movement", ["processor", "movement_ref"], unique=False
        )
        batch_op.create_index(
            "uq_payment_event_counted",
            ["processor", "kind", "movement_ref"],
            unique=True,
            sqlite_where=sa.text("counted"),
            postgresql_where=sa.text("counted"),
        )

    op.create_table(
        "refund",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("processor", sa.String(length=20), nullable=False),
        sa.Column("payment_ref", sa.String(length=200), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_cents > 0", name="something_is_refunded"),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_refund_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_payment_ref"), ["payment_ref"], unique=False)

    op.create_table(
        "pool",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("creator_id", sa.String(length=32), nullable=True),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("embargo_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_pool_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("slug", name=op.f("uq_pool_slug")),
    )
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pool_creator_id"), ["creator_id"], unique=False)

    op.create_table(
        "hook",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("pool_id", sa.String(length=32), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("old_secret", sa.String(length=100), nullable=False),
        sa.Column("old_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("failing_ms", sa.BigInteger(), nullable=True),
        sa.Column("disabled_ms", sa.BigInteger(), nullable=True),
        sa.Column("disabled_why", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_hook_account_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_hook_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook")),
    )
    with op.batch_alter_table("hook", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hook_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hook_pool_id"), ["pool_id"], unique=False)

    op.create_table(
        "partner",
        sa.Column("pool_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_partner_account_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_partner_pool_id")),
        sa.PrimaryKeyConstraint("pool_id", "account_id", name=op.f("pk_partner")),
    )
    op.create_table(
        "hook_message",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("hook_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.Column("given_up_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["hook.id"], name=op.f("fk_hook_message_hook_id")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_hook_message_listing_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_message")),
    )
    with op.batch_alter_table("hook_message", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_hook_message_listing_id"), ["listing_id"], unique=False
        )
        batch_op.create_index("ix_hook_message_log", ["hook_id", "created_ms"], unique=False)

    op.create_table(
        "reel_part",
        sa.Column("reel_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("clip_id", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"], name=op.f("fk_reel_part_clip_id")),
        sa.ForeignKeyConstraint(["reel_id"], ["clip.id"], name=op.f("fk_reel_part_reel_id")),
        sa.PrimaryKeyConstraint("reel_id", "position", name=op.f("pk_reel_part")),
    )
    with op.batch_alter_table("reel_part", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reel_part_clip_id"), ["clip_id"], unique=False)

    op.create_table(
        "lightbox_item",
        sa.Column("lightbox_id", sa.String(length=32), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lightbox_id"], ["lightbox.id"], name=op.f("fk_lightbox_item_lightbox_id")
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_lightbox_item_listing_id")
        ),
        sa.PrimaryKeyConstraint("lightbox_id", "listing_id", name=op.f("pk_lightbox_item")),
    )
    op.create_table(
        "pool_member",
        sa.Column("pool_id", sa.String(length=32), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.Column("hand", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_pool_member_listing_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_pool_member_pool_id")),
        sa.PrimaryKeyConstraint("pool_id", "listing_id", name=op.f("pk_pool_member")),
    )
    with op.batch_alter_table("pool_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pool_member_added_ms"), ["added_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_pool_member_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "quote",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("terms_id", sa.String(length=32), nullable=False),
        sa.Column("rule_id", sa.String(length=32), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("guest", sa.String(length=64), nullable=False),
        sa.Column("use", sa.JSON(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("breakdown", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_quote_account_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_quote_listing_id")),
        sa.ForeignKeyConstraint(["rule_id"], ["price_rule.id"], name=op.f("fk_quote_rule_id")),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_quote_terms_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
    )
    with op.batch_alter_table("quote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quote_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_quote_guest"), ["guest"], unique=False)
        batch_op.create_index(batch_op.f("ix_quote_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "order_line",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("quote_id", sa.String(length=32), nullable=False),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("terms_id", sa.String(length=32), nullable=False),
        sa.Column("use", sa.JSON(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
        sa.CheckConstraint(
            "refunded_cents >= 0 AND refunded_cents <= price_cents", name="refund_not_above_price"
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_order_line_listing_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_line_order_id")),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_order_line_quote_id")),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_order_line_terms_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("order_id", "quote_id", name=op.f("uq_order_line_order_id_quote_id")),
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_line_quote_id"), ["quote_id"], unique=False)

    op.create_table(
        "quote_note",
        sa.Column("quote_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=True),
        sa.Column("use", sa.JSON(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_note_quote_id")),
        sa.PrimaryKeyConstraint("quote_id", "number", name=op.f("pk_quote_note")),
    )
    with op.batch_alter_table("quote_note", schema=None) as batch_op:
        batch_op.create_index("ix_quote_note_at", ["at_ms"], unique=False)

    op.create_table(
        "license",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("order_line_id", sa.String(length=32), nullable=True),
        sa.Column("listing_id", sa.String(length=32), nullable=False),
        sa.Column("terms_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("licensee", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("use", sa.JSON(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_why", sa.String(length=300), nullable=False),
        sa.Column("certificate", sa.JSON(), nullable=False),
        sa.Column("reminded_ms", sa.BigInteger(), nullable=True),
        sa.Column("granted_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_license_account_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_license_listing_id")),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_license_order_line_id")
        ),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_license_terms_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_license")),
        sa.UniqueConstraint("order_line_id", name=op.f("uq_license_order_line_id")),
    )
    with op.batch_alter_table("license", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_license_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_license_email"), ["email"], unique=False)
        batch_op.create_index("ix_license_ends", ["state", "ends_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_license_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "reservation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clip_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("media", _cells(), nullable=False),
        sa.Column("territory", _cells(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.String(length=32), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("released_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("from_ms < until_ms", name="begins_before_it_ends"),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"], name=op.f("fk_reservation_clip_id")),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_reservation_order_line_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
    )
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.create_index("ix_reservation_clip", ["clip_id", "released_ms"], unique=False)
        batch_op.create_index(
            "ix_reservation_expires", ["kind", "released_ms", "expires_ms"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_reservation_order_line_id"), ["order_line_id"], unique=False
        )

    op.create_table(
        "download",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("license_id", sa.String(length=32), nullable=False),
        sa.Column("asset_id", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_download_asset_id")),
        sa.ForeignKeyConstraint(
            ["license_id"], ["license.id"], name=op.f("fk_download_license_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_download")),
    )
    with op.batch_alter_table("download", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_download_license_id"), ["license_id"], unique=False)

    for table, column, whose in LINKS:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(32) "
            f"CONSTRAINT fk_{table}_{column} REFERENCES {whose} (id)"
        )
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.add_column(
        "clip", sa.Column("kind", sa.String(length=20), nullable=False, server_default="clip")
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("actor", sa.String(length=64), nullable=False, server_default="")
        )
        batch_op.create_index(batch_op.f("ix_event_actor"), ["actor"], unique=False)

    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.alter_column("recording_id", existing_type=sa.VARCHAR(length=32), nullable=True)

    statements = POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.alter_column("recording_id", existing_type=sa.VARCHAR(length=32), nullable=False)
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_actor"))
        batch_op.drop_column("actor")
    op.drop_column("clip", "kind")
    for table, column, _ in LINKS:
        op.drop_index(f"ix_{table}_{column}", table)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
            batch_op.drop_column(column)
    with op.batch_alter_table("download", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_download_license_id"))

    op.drop_table("download")
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reservation_order_line_id"))
        batch_op.drop_index("ix_reservation_expires")
        batch_op.drop_index("ix_reservation_clip")

    op.drop_table("reservation")
    with op.batch_alter_table("license", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_license_listing_id"))
        batch_op.drop_index("ix_license_ends")
        batch_op.drop_index(batch_op.f("ix_license_email"))
        batch_op.drop_index(batch_op.f("ix_license_account_id"))

    op.drop_table("license")
    with op.batch_alter_table("quote_note", schema=None) as batch_op:
        batch_op.drop_index("ix_quote_note_at")

    op.drop_table("quote_note")
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_line_quote_id"))

    op.drop_table("order_line")
    with op.batch_alter_table("quote", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quote_listing_id"))
        batch_op.drop_index(batch_op.f("ix_quote_guest"))
        batch_op.drop_index(batch_op.f("ix_quote_account_id"))

    op.drop_table("quote")
    with op.batch_alter_table("pool_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_member_listing_id"))
        batch_op.drop_index(batch_op.f("ix_pool_member_added_ms"))

    op.drop_table("pool_member")
    op.drop_table("lightbox_item")
    with op.batch_alter_table("reel_part", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reel_part_clip_id"))

    op.drop_table("reel_part")
    with op.batch_alter_table("hook_message", schema=None) as batch_op:
        batch_op.drop_index("ix_hook_message_log")
        batch_op.drop_index(batch_op.f("ix_hook_message_listing_id"))

    op.drop_table("hook_message")
    op.drop_table("partner")
    with op.batch_alter_table("hook", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hook_pool_id"))
        batch_op.drop_index(batch_op.f("ix_hook_account_id"))

    op.drop_table("hook")
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_creator_id"))

    op.drop_table("pool")
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refund_payment_ref"))
        batch_op.drop_index(batch_op.f("ix_refund_order_id"))

    op.drop_table("refund")
    with op.batch_alter_table("payment_event", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_payment_event_counted",
            sqlite_where=sa.text("counted"),
            postgresql_where=sa.text("counted"),
        )
        batch_op.drop_index("ix_payment_event_movement")
        batch_op.drop_index("ix_payment_event_received")
        batch_op.drop_index(batch_op.f("ix_payment_event_payment_ref"))
        batch_op.drop_index(batch_op.f("ix_payment_event_order_id"))

    op.drop_table("payment_event")
    with op.batch_alter_table("invoice", schema=None) as batch_op:
        batch_op.drop_index("ix_invoice_order")

    op.drop_table("invoice")
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_token_account_id"))

    op.drop_table("token")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_account_id"))

    op.drop_table("sign_in")
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_search_account_id"))

    op.drop_table("saved_search")
    with op.batch_alter_table("order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_state"))
        batch_op.drop_index(batch_op.f("ix_order_payment_ref"))
        batch_op.drop_index(batch_op.f("ix_order_guest"))
        batch_op.drop_index(batch_op.f("ix_order_account_id"))

    op.drop_table("order")
    with op.batch_alter_table("lightbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lightbox_share"))
        batch_op.drop_index(batch_op.f("ix_lightbox_guest"))
        batch_op.drop_index(batch_op.f("ix_lightbox_account_id"))

    op.drop_table("lightbox")
    op.drop_table("throttle")
    op.drop_table("terms")
    op.drop_table("secret")
    op.drop_table("sandbox_payment")
    with op.batch_alter_table("price_rule", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_price_rule_in_force",
            sqlite_where=sa.text("retired_ms IS NULL"),
            postgresql_where=sa.text("retired_ms IS NULL"),
        )

    op.drop_table("price_rule")
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mail_created_ms"))

    op.drop_table("mail")
    with op.batch_alter_table("magic_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_magic_link_email"))

    op.drop_table("magic_link")
    with op.batch_alter_table("answered", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answered_created_ms"))

    op.drop_table("answered")
    op.drop_table("account")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION reelyard_append_only")
