"""Which refresh token each one was given for, and indexes by which what is past its time is found and forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = {
    "refresh_tokens": "parent",
    "login_sessions": "last_used_at",
    "link_codes": "expires_at",
    "link_failures": "failed_at",
}


def upgrade() -> None:
    op.add_column(
        "refresh_tokens", sa.Column("parent", sa.LargeBinary(), comment="the token that this one was given for")
    )
    for table, column in INDEXES.items():
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
