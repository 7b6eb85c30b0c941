"""What outgoing messages need: notices told together, buttons, and deliveries whose outcome was never heard."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FLAG = {"server_default": sa.false(), "nullable": False}
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("conversations", sa.Column("noticed_at", TIME, comment="when a notice last went out"))
    for column in (
        sa.Column("is_notice", sa.Boolean(), comment="nobody just asked for it", **FLAG),
        sa.Column("events", postgresql.JSONB(), comment="what it tells, while it may be told together with others"),
        sa.Column("told_by", sa.BigInteger(), comment="the reply that tells this one too"),
        sa.Column("button_nonce", sa.Text(), comment="of the question that it asks"),
        sa.Column(
            "may_be_sent",
            sa.Boolean(),
            comment="the last attempt had no answer: to be looked up before another",
            **FLAG,
        ),
        sa.Column("checked_at", TIME, comment="when we asked after it, no callback having come"),
    ):
        op.add_column("outbox", column)
    op.alter_column("outbox", "state", comment="see bot.outbox.State")
    op.create_index(
        "ix_outbox_under_way", "outbox", ["sent_at"], postgresql_where=sa.text("state IN ('queued', 'sent')")
    )
