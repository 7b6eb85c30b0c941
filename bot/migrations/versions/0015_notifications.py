"""Keep what each conversation has muted and its daily summary's hour, and how long a message is worth sending."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "conversations",
        sa.Column("muted", postgresql.ARRAY(sa.Text()), comment="see bot.notifications.Notice; null until it is used"),
    )
    op.add_column("conversations", sa.Column("summary_at", sa.Time(), comment="by the clock of the number"))
    op.add_column("conversations", sa.Column("summary_due_at", sa.DateTime(timezone=True)))
    op.add_column(
        "conversations",
        sa.Column("summarised_until", sa.DateTime(timezone=True), comment="what the last summary told up to"),
    )
    op.add_column(
        "outbox", sa.Column("kept_until", sa.DateTime(timezone=True), comment="after it, it is not sent any more")
    )
    op.create_index(
        "ix_conversations_summary_due",
        "conversations",
        ["summary_due_at"],
        postgresql_where=sa.text("summary_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_outdated",
        "outbox",
        ["kept_until"],
        postgresql_where=sa.text("kept_until IS NOT NULL AND state IN ('waiting', 'sending')"),
    )
