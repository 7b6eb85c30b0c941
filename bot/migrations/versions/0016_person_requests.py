"""Keep since when a trader asks for a person of our staff."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "conversations",
        sa.Column("person_asked_at", sa.DateTime(timezone=True), comment="since when its trader asks for a person"),
    )
    op.create_index(
        "ix_conversations_person_asked",
        "conversations",
        ["person_asked_at"],
        postgresql_where=sa.text("person_asked_at IS NOT NULL"),
    )
