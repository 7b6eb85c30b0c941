"""Find the replies that wait in the order of their numbers, without reading those that were told."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unsent = sa.text("state IN ('waiting', 'sending')")
    op.create_index("ix_outbox_unsent", "outbox", ["id"], postgresql_where=unsent)
