"""The conversation's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="the sender in E.164"),
        sa.Column("trader_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column(
            "question",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="what is awaited: see bot.dialogue.Question",
        ),
        sa.Column(
            "last_order",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="the reading of the last order placed here",
        ),
        sa.Column("confirm_always", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("confirm_above_quantity", sa.Numeric(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True, comment="since when the trader's STOP holds"),
        sa.Column("last_inbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["trader_id"], ["traders.id"], name=op.f("fk_conversations_trader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("number", name=op.f("uq_conversations_number")),
    )
    op.create_index(op.f("ix_conversations_trader_id"), "conversations", ["trader_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_sid", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("media_url", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("button_payload", sa.Text(), nullable=True),
        sa.Column("replied_message_sid", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("media_hash", sa.Text(), nullable=True, comment="SHA-256 of the voice note"),
        sa.Column(
            "transcript",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="text, language, confidence, or why it was refused",
        ),
        sa.Column("reading", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column(
            "order_shown",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="the order that the outcome is about",
        ),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="how often handling it broke"),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_inbox_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("message_sid", name=op.f("uq_inbox_message_sid")),
    )
    op.create_index("ix_inbox_conversation", "inbox", ["conversation_id", "id"], unique=False)
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["conversation_id", "id"],
        unique=False,
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("price_ticks", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_alerts_conversation_id")),
        sa.ForeignKeyConstraint(["instrument_id"], ["instruments.id"], name=op.f("fk_alerts_instrument_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_conversation_id"), "alerts", ["conversation_id"], unique=False)
    op.create_index(
        "ix_alerts_waiting",
        "alerts",
        ["instrument_id"],
        unique=False,
        postgresql_where=sa.text("fired_at IS NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="what is being told, so that it is told once"),
        sa.Column("inbox_id", sa.BigInteger(), nullable=True, comment="the message that this answers"),
        sa.Column("order_id", sa.BigInteger(), nullable=True, comment="the order that this is about"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True, comment="when it was last handed to Twilio"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("message_sid", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_outbox_conversation_id")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_outbox_inbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("cause", name=op.f("uq_outbox_cause")),
    )
    op.create_index(op.f("ix_outbox_message_sid"), "outbox", ["message_sid"], unique=False)
    op.create_index(
        "ix_outbox_order", "outbox", ["order_id"], unique=False, postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["conversation_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
