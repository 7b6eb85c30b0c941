"""Staff with their sessions and what they do: chats taken over, messages retried, readings marked, announcements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.Text(), nullable=False, comment="in lower case"),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True, comment="of the second factor, where one is used"),
        sa.Column(
            "totp_step", sa.BigInteger(), nullable=True, comment="of the last code that was taken: none is good twice"
        ),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.CheckConstraint("role in ('support', 'risk', 'admin')", name=op.f("ck_staff_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("username", name=op.f("uq_staff_username")),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256: the token itself is nowhere stored"),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_sessions_staff_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_staff_sessions")),
    )
    op.create_index(op.f("ix_staff_sessions_staff_id"), "staff_sessions", ["staff_id"], unique=False)
    op.create_table(
        "bad_readings",
        sa.Column("inbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "expect",
            postgresql.JSONB(),
            nullable=False,
            comment="the intent and slots that would have been right",
        ),
        sa.Column("marked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_bad_readings_inbox_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_bad_readings_staff_id")),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_bad_readings")),
    )
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False, comment="of the form, so that it is sent once"),
        sa.Column("bodies", postgresql.JSONB(), nullable=False, comment="by language"),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_announcements_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sa.UniqueConstraint("request_key", name=op.f("uq_announcements_request_key")),
    )
    op.add_column(
        "conversations",
        sa.Column("taken_over_by", sa.BigInteger(), comment="who of our staff writes here while the bot is mute"),
    )
    op.add_column("conversations", sa.Column("taken_over_at", TIME))
    op.add_column(
        "inbox",
        sa.Column("in_answer_to", sa.BigInteger(), comment="the message whose question this one closed or replaced"),
    )
    op.add_column(
        "inbox",
        sa.Column(
            "retries", sa.Integer(), nullable=False, server_default="0", comment="how often staff had it read again"
        ),
    )
    op.add_column("security_events", sa.Column("staff_id", sa.BigInteger(), comment="who of our staff did it"))
    op.create_index(op.f("ix_security_events_staff_id"), "security_events", ["staff_id"], unique=False)
    op.create_index(
        "ix_inbox_in_answer_to", "inbox", ["in_answer_to"], postgresql_where=sa.text("in_answer_to IS NOT NULL")
    )
    op.create_index("ix_inbox_failed", "inbox", ["id"], postgresql_where=sa.text("failures > 0"))
    op.create_index("ix_outbox_conversation", "outbox", ["conversation_id", "id"], unique=False)
    op.create_index("ix_outbox_failed", "outbox", ["id"], postgresql_where=sa.text("state = 'failed'"))
