"""Voice notes, kept for a while after they were heard."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("inbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audio", sa.LargeBinary(), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_recordings_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_kept_until"), "recordings", ["kept_until"], unique=False)
