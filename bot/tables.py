"""The conversation's tables: who writes from which number, what arrived, what goes out, what is awaited."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.tables import metadata

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("number", sa.Text, nullable=False, unique=True, comment="the sender in E.164"),
    sa.Column("trader_id", sa.ForeignKey("traders.id"), nullable=False, index=True),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("question", JSONB(none_as_null=True), comment="what is awaited: see bot.dialogue.Question"),
    sa.Column("last_order", JSONB(none_as_null=True), comment="the reading of the last order placed here"),
    sa.Column("confirm_always", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("confirm_above_quantity", sa.Numeric),
    sa.Column("frozen_at", sa.DateTime(timezone=True), comment="since when the trader's STOP holds"),
    sa.Column("last_inbound_at", sa.DateTime(timezone=True)),
    sa.Column("noticed_at", sa.DateTime(timezone=True), comment="when a notice last went out"),
    sa.Column("muted", sa.ARRAY(sa.Text), comment="see bot.notifications.Notice; null until it is used"),
    sa.Column("summary_at", sa.Time, comment="by the clock of the number"),
    sa.Column("summary_due_at", sa.DateTime(timezone=True)),
    sa.Column("summarised_until", sa.DateTime(timezone=True), comment="what the last summary told up to"),
    sa.Column("taken_over_by", sa.BigInteger, comment="who of our staff writes here while the bot is mute"),
    sa.Column("taken_over_at", sa.DateTime(timezone=True)),
    sa.Column("person_asked_at", sa.DateTime(timezone=True), comment="since when its trader asks for a person"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(
        "ix_conversations_person_asked",
        "person_asked_at",
        postgresql_where=sa.text("person_asked_at IS NOT NULL"),
    ),
    sa.Index("ix_conversations_summary_due", "summary_due_at", postgresql_where=sa.text("summary_due_at IS NOT NULL")),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("message_sid", sa.Text, nullable=False, unique=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("media_url", sa.Text),
    sa.Column("media_type", sa.Text),
    sa.Column("button_payload", sa.Text),
    sa.Column("replied_message_sid", sa.Text),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("media_hash", sa.Text, comment="SHA-256 of the voice note"),
    sa.Column("transcript", JSONB(none_as_null=True), comment="text, language, confidence, or why it was refused"),
    sa.Column("reading", JSONB(none_as_null=True)),
    sa.Column("outcome", sa.Text),
    sa.Column("order_shown", JSONB(none_as_null=True), comment="the order that the outcome is about"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="how often handling it broke"),
    sa.Column("in_answer_to", sa.BigInteger, comment="the message whose question this one closed or replaced"),
    sa.Column("retries", sa.Integer, nullable=False, server_default="0", comment="how often staff had it read again"),
    sa.Column("handled_at", sa.DateTime(timezone=True)),
    sa.Index("ix_inbox_waiting", "conversation_id", "id", postgresql_where=sa.text("handled_at IS NULL")),
    sa.Index("ix_inbox_conversation", "conversation_id", "id"),
    sa.Index("ix_inbox_in_answer_to", "in_answer_to", postgresql_where=sa.text("in_answer_to IS NOT NULL")),
    sa.Index("ix_inbox_failed", "id", postgresql_where=sa.text("failures > 0")),
    sa.Index("ix_inbox_kept", "received_at", postgresql_where=sa.text("body <> '' OR transcript IS NOT NULL")),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("cause", sa.Text, nullable=False, unique=True, comment="what is being told, so that it is told once"),
    sa.Column("inbox_id", sa.ForeignKey("inbox.id"), comment="the message that this answers"),
    sa.Column("order_id", sa.BigInteger, comment="the order that this is about"),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("is_notice", sa.Boolean, nullable=False, server_default=sa.false(), comment="nobody just asked for it"),
    sa.Column("events", JSONB(none_as_null=True), comment="what it tells, while it may be told together with others"),
    sa.Column("told_by", sa.BigInteger, comment="the reply that tells this one too"),
    sa.Column("button_nonce", sa.Text, comment="of the question that it asks"),
    sa.Column(
        "attachment_id", sa.ForeignKey("attachments.id", ondelete="SET NULL"), comment="the file that it carries"
    ),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kept_until", sa.DateTime(timezone=True), comment="after it, it is not sent any more"),
    sa.Column("claimed_at", sa.DateTime(timezone=True), comment="when it was last handed to Twilio"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("state", sa.Text, nullable=False, server_default="waiting", comment="see bot.outbox.State"),
    sa.Column(
        "may_be_sent",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="the last attempt had no answer: to be looked up before another",
    ),
    sa.Column("error_code", sa.Text),
    sa.Column("message_sid", sa.Text, index=True),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("checked_at", sa.DateTime(timezone=True), comment="when we asked after it, no callback having come"),
    sa.Column("repeated_at", sa.DateTime(timezone=True), comment="when the terminal told it too"),
    sa.Index("ix_outbox_waiting", "conversation_id", "id", postgresql_where=sa.text("state IN ('waiting', 'sending')")),
    sa.Index("ix_outbox_unsent", "id", postgresql_where=sa.text("state IN ('waiting', 'sending')")),
    sa.Index(
        "ix_outbox_outdated",
        "kept_until",
        postgresql_where=sa.text("kept_until IS NOT NULL AND state IN ('waiting', 'sending')"),
    ),
    sa.Index("ix_outbox_under_way", "sent_at", postgresql_where=sa.text("state IN ('queued', 'sent')")),
    sa.Index("ix_outbox_order", "order_id", postgresql_where=sa.text("order_id IS NOT NULL")),
    sa.Index("ix_outbox_conversation", "conversation_id", "id"),
    sa.Index("ix_outbox_failed", "id", postgresql_where=sa.text("state = 'failed'")),
    sa.Index("ix_outbox_kept", "created_at", postgresql_where=sa.text("body <> ''")),
    sa.Index(
        "ix_outbox_unread",
        "conversation_id",
        "id",
        postgresql_where=sa.text(
            "is_notice AND order_id IS NOT NULL AND repeated_at IS NULL AND state NOT IN ('read', 'grouped')"
        ),
    ),
    sa.Index("ix_outbox_attachment", "attachment_id", postgresql_where=sa.text("attachment_id IS NOT NULL")),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("instrument_id", sa.ForeignKey("instruments.id"), nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("price_ticks", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("fired_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Index("ix_alerts_waiting", "instrument_id", postgresql_where=sa.text("fired_at IS NULL AND deleted_at IS NULL")),
)

attachments = sa.Table(
    "attachments",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("trader_id", sa.ForeignKey("traders.id"), nullable=False, index=True, comment="who asked for it"),
    sa.Column("kind", sa.Text, nullable=False, comment="see bot.attachments.Kind"),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("facts", JSONB, nullable=False, comment="what it is made of"),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False, comment="whose clock its times are by"),
    sa.Column("token", sa.Text, nullable=False, unique=True, comment="the unguessable part of its address"),
    sa.Column("content", sa.LargeBinary, comment="once it is made"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Index("ix_attachments_waiting", "created_at", postgresql_where=sa.text("content IS NULL")),
)

recordings = sa.Table(
    "recordings",
    metadata,
    sa.Column("inbox_id", sa.ForeignKey("inbox.id"), primary_key=True, autoincrement=False),
    sa.Column("audio", sa.LargeBinary, nullable=False),
    sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False, index=True),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    # Linking a number may move an account onto the trader that the number has been; nothing else changes it.
    sa.Column("trader_id", sa.ForeignKey("traders.id"), nullable=False, unique=True),
    sa.Column("username", sa.Text, nullable=False, unique=True, comment="in lower case"),
    sa.Column("password_hash", sa.Text, nullable=False, comment="argon2id"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

login_sessions = sa.Table(
    "login_sessions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("user_agent", sa.Text, nullable=False),
    sa.Column("ip_address", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("end_reason", sa.Text),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256: the token itself is nowhere stored"),
    sa.Column("parent", sa.LargeBinary, index=True, comment="the token that this one was given for"),
    sa.Column("session_id", sa.ForeignKey("login_sessions.id"), nullable=False, index=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("used_at", sa.DateTime(timezone=True)),
)

# Append-only: a trigger refuses any change.
security_events = sa.Table(
    "security_events",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account_id", sa.BigInteger, index=True),
    sa.Column("staff_id", sa.BigInteger, index=True, comment="who of our staff did it"),
    sa.Column("ip_address", sa.Text),
    sa.Column("facts", JSONB, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("trader_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False, comment="SHA-256 of the request"),
    sa.Column("status", sa.Integer, comment="null until there is an answer"),
    sa.Column("body", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
)

link_codes = sa.Table(
    "link_codes",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
)

link_failures = sa.Table(
    "link_failures",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False, index=True),
)

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("username", sa.Text, nullable=False, unique=True, comment="in lower case"),
    sa.Column("password_hash", sa.Text, nullable=False, comment="argon2id"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("totp_secret", sa.Text, comment="of the second factor, where one is used"),
    sa.Column("totp_step", sa.BigInteger, comment="of the last code that was taken: none is good twice"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("disabled_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("role in ('support', 'risk', 'admin')", name="role"),
)

staff_sessions = sa.Table(
    "staff_sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256: the token itself is nowhere stored"),
    sa.Column("staff_id", sa.ForeignKey("staff.id"), nullable=False, index=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
)

bad_readings = sa.Table(
    "bad_readings",
    metadata,
    sa.Column("inbox_id", sa.ForeignKey("inbox.id"), primary_key=True, autoincrement=False),
    sa.Column("staff_id", sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("expect", JSONB, nullable=False, comment="the intent and slots that would have been right"),
    sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
)

announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("staff_id", sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("request_key", sa.Text, nullable=False, unique=True, comment="of the form, so that it is sent once"),
    sa.Column("bodies", JSONB, nullable=False, comment="by language"),
    sa.Column("recipients", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

owed_reactions = sa.Table(
    "owed_reactions",
    metadata,
    sa.Column("shard_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("first_number", sa.BigInteger, primary_key=True, autoincrement=False, comment="the first event's"),
    sa.Column("last_number", sa.BigInteger, nullable=False),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("trace", sa.Text, nullable=False),
)
