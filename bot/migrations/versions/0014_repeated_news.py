"""Keep which news of orders the terminal has repeated, and find those that it has not."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "outbox", sa.Column("repeated_at", sa.DateTime(timezone=True), comment="when the terminal told it too")
    )
    unread = sa.text("is_notice AND order_id IS NOT NULL AND repeated_at IS NULL AND state NOT IN ('read', 'grouped')")
    op.create_index("ix_outbox_unread", "outbox", ["conversation_id", "id"], postgresql_where=unread)
