"""The market's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("order_numbers", start=1001)))
    op.execute(sa.schema.CreateSequence(sa.Sequence("command_ids")))
    op.create_table(
        "events",
        sa.Column("shard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("trader_id", sa.BigInteger(), nullable=True),
        sa.Column("counter_trader_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard_id", "number", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_counter_trader_id_shard_id_number"),
        "events",
        ["counter_trader_id", "shard_id", "number"],
        unique=False,
        postgresql_where=sa.text("counter_trader_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_events_trader_id_shard_id_number"), "events", ["trader_id", "shard_id", "number"], unique=False
    )
    op.create_table(
        "malfunctions",
        sa.Column("command_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shard_id", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_malfunctions")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shard_id", sa.Integer(), nullable=False),
        sa.Column("trader_id", sa.BigInteger(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("price_ticks", sa.BigInteger(), nullable=True),
        sa.Column("quantity_lots", sa.BigInteger(), nullable=False),
        sa.Column("filled_lots", sa.BigInteger(), nullable=False),
        sa.Column("leaves_lots", sa.BigInteger(), nullable=False),
        sa.Column("notional_ticks", sa.BigInteger(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("post_only", sa.Boolean(), nullable=False),
        sa.Column("self_trade_prevention", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "leaves_lots >= 0 AND filled_lots + leaves_lots <= quantity_lots", name=op.f("ck_orders_lots")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["instrument_id", "side", "price_ticks"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_orders_trader_id_id"), "orders", ["trader_id", "id"], unique=False)
    op.create_table(
        "positions",
        sa.Column("trader_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instrument_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lots", sa.BigInteger(), nullable=False),
        sa.Column("open_cost_ticks", sa.Numeric(), nullable=False),
        sa.Column("realised_ticks", sa.Numeric(), nullable=False),
        sa.Column("commission_cents", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("trader_id", "instrument_id", name=op.f("pk_positions")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_table(
        "shards",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_event", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shards")),
    )
    op.create_table(
        "trader_limits",
        sa.Column("shard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trader_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("order_quantity_lots_max", sa.BigInteger(), nullable=True),
        sa.Column("open_orders_max", sa.BigInteger(), nullable=True),
        sa.Column("position_lots_max", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("shard_id", "trader_id", name=op.f("pk_trader_limits")),
    )
    op.create_table(
        "traders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("frozen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('guest', 'account', 'market_maker', 'staff')", name=op.f("ck_traders_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traders")),
    )
    op.create_table(
        "trades",
        sa.Column("shard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("price_ticks", sa.BigInteger(), nullable=False),
        sa.Column("quantity_lots", sa.BigInteger(), nullable=False),
        sa.Column("taker_side", sa.Text(), nullable=False),
        sa.Column("maker_order_id", sa.BigInteger(), nullable=False),
        sa.Column("maker_trader_id", sa.BigInteger(), nullable=False),
        sa.Column("maker_commission_cents", sa.BigInteger(), nullable=False),
        sa.Column("taker_order_id", sa.BigInteger(), nullable=False),
        sa.Column("taker_trader_id", sa.BigInteger(), nullable=False),
        sa.Column("taker_commission_cents", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shard_id", "number", name=op.f("pk_trades")),
    )
    op.create_index(op.f("ix_trades_instrument_id_number"), "trades", ["instrument_id", "number"], unique=False)
    op.create_index(op.f("ix_trades_occurred_at"), "trades", ["occurred_at"], unique=False)
    op.create_index(
        op.f("ix_trades_maker_trader_id_occurred_at"), "trades", ["maker_trader_id", "occurred_at"], unique=False
    )
    op.create_index(
        op.f("ix_trades_taker_trader_id_occurred_at"), "trades", ["taker_trader_id", "occurred_at"], unique=False
    )
    op.create_table(
        "waiting_commands",
        sa.Column("shard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("command_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shard_id", "command_id", name=op.f("pk_waiting_commands")),
        postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "5000"},
    )
    op.create_table(
        "assets",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shard_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shard_id"], ["shards.id"], name=op.f("fk_assets_shard_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_assets")),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shard_id", sa.Integer(), nullable=False),
        sa.Column("trader_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("instrument_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shard_id"], ["shards.id"], name=op.f("fk_commands_shard_id")),
        sa.ForeignKeyConstraint(["trader_id"], ["traders.id"], name=op.f("fk_commands_trader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
        sa.UniqueConstraint(
            "source",
            "trader_id",
            "request_key",
            "part",
            name=op.f("uq_commands_source_trader_id_request_key_part"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_commands_placed",
        "commands",
        ["trader_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'place'"),
    )
    op.create_table(
        "asset_aliases",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.code"], name=op.f("fk_asset_aliases_asset")),
        sa.PrimaryKeyConstraint("asset", "alias", name=op.f("pk_asset_aliases")),
    )
    op.create_table(
        "instruments",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("shard_id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("contract_month", sa.Date(), nullable=False),
        sa.Column("tick_size", sa.Numeric(), nullable=False),
        sa.Column("lot_size", sa.Numeric(), nullable=False),
        sa.Column("max_quantity_lots", sa.BigInteger(), nullable=False),
        sa.Column("max_notional", sa.Numeric(), nullable=True),
        sa.Column("band_percent", sa.Numeric(), nullable=True),
        sa.Column("reference_ticks", sa.BigInteger(), nullable=True),
        sa.Column("last_trading_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.code"], name=op.f("fk_instruments_asset")),
        sa.ForeignKeyConstraint(["shard_id"], ["shards.id"], name=op.f("fk_instruments_shard_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sa.UniqueConstraint("asset", "contract", name=op.f("uq_instruments_asset_contract")),
        sa.UniqueConstraint("symbol", name=op.f("uq_instruments_symbol")),
    )
