"""Files that replies carry: pictures of a market, and statements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("trader_id", sa.BigInteger(), nullable=False, comment="who asked for it"),
        sa.Column("kind", sa.Text(), nullable=False, comment="see bot.attachments.Kind"),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False, comment="what it is made of"),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False, comment="whose clock its times are by"),
        sa.Column("token", sa.Text(), nullable=False, comment="the unguessable part of its address"),
        sa.Column("content", sa.LargeBinary(), nullable=True, comment="once it is made"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("kept_until", TIME, nullable=False),
        sa.ForeignKeyConstraint(["trader_id"], ["traders.id"], name=op.f("fk_attachments_trader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("token", name=op.f("uq_attachments_token")),
    )
    op.create_index(op.f("ix_attachments_trader_id"), "attachments", ["trader_id"])
    op.create_index(op.f("ix_attachments_kept_until"), "attachments", ["kept_until"])
    op.create_index(
        "ix_attachments_waiting", "attachments", ["created_at"], postgresql_where=sa.text("content IS NULL")
    )
    op.add_column(
        "outbox", sa.Column("attachment_id", sa.BigInteger(), nullable=True, comment="the file that it carries")
    )
    op.create_foreign_key(
        op.f("fk_outbox_attachment_id"), "outbox", "attachments", ["attachment_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "ix_outbox_attachment", "outbox", ["attachment_id"], postgresql_where=sa.text("attachment_id IS NOT NULL")
    )
