"""Find the messages and replies whose time is over without reading those that were emptied before."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    kept = sa.text("body <> '' OR transcript IS NOT NULL")
    op.create_index("ix_inbox_kept", "inbox", ["received_at"], postgresql_where=kept)
    op.create_index("ix_outbox_kept", "outbox", ["created_at"], postgresql_where=sa.text("body <> ''"))
