"""The project's one MetaData, and the market's tables in it.

Who writes what: intake writes `commands` and `waiting_commands`; the batch of a shard writes everything that trading
changes (shards, orders, trades, positions, events, trader_limits, and an instrument's rules and status), so that all of
it can be recomputed from the commands. Prices are whole ticks, quantities whole lots, commission whole cents.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Moment = DateTime(timezone=True)

# Order numbers are typed and spoken ("cancel 1042"), so they start short and stay so.
order_numbers = Sequence("order_numbers", start=1001, metadata=metadata)

shards = Table(
    "shards",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # The fence: a worker whose books are older than this number writes nothing.
    Column("last_event", BigInteger, nullable=False, server_default="0"),
    Column("heartbeat_at", Moment),
)

assets = Table(
    "assets",
    metadata,
    Column("code", Text, primary_key=True),
    Column("names", JSONB, nullable=False),  # {"en": "Wheat", "es": "trigo", "pt": "trigo"}
    Column("shard_id", Integer, ForeignKey("shards.id"), nullable=False),
)

asset_aliases = Table(
    "asset_aliases",
    metadata,
    Column("asset", Text, ForeignKey("assets.code"), primary_key=True),
    Column("alias", Text, primary_key=True),
)

instruments = Table(
    "instruments",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("shard_id", Integer, ForeignKey("shards.id"), nullable=False),
    Column("symbol", Text, nullable=False, unique=True),
    Column("asset", Text, ForeignKey("assets.code"), nullable=False),
    Column("contract", Text, nullable=False),  # "Dec25"
    Column("contract_month", Date, nullable=False),  # Its first day, to sort by.
    Column("tick_size", Numeric, nullable=False),
    Column("lot_size", Numeric, nullable=False),
    Column("max_quantity_lots", BigInteger, nullable=False),
    Column("max_notional", Numeric),
    Column("band_percent", Numeric),  # Null for no price band.
    Column("reference_ticks", BigInteger),  # Where the band stands until the first trade.
    Column("last_trading_at", Moment),
    Column("status", Text, nullable=False),
    UniqueConstraint("asset", "contract"),
    Index("ix_instruments_lower_symbol", text("lower(symbol)")),
)

traders = Table(
    "traders",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="en"),
    Column("kind", Text, nullable=False),  # guest, account, market_maker or staff
    Column("frozen", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("kind in ('guest', 'account', 'market_maker', 'staff')", name="kind"),
)

command_ids = Sequence("command_ids", metadata=metadata)

# What was asked, and never changes: with `events`, the record of a day.
commands = Table(
    "commands",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # From command_ids: the body holds it too.
    # Its instrument's. A foreign key would lock the shard's one row, which every batch updates, for every command.
    Column("shard_id", Integer, nullable=False),
    Column("trader_id", BigInteger, ForeignKey("traders.id")),  # Null for what concerns the whole market.
    Column("source", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("part", Integer, nullable=False),  # A request that spans shards has one command on each.
    Column("kind", Text, nullable=False),
    Column("order_id", BigInteger),
    Column("instrument_id", Integer),
    Column("body", Text, nullable=False),  # JSON as `orders.command_to_json` writes it.
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("source", "trader_id", "request_key", "part", postgresql_nulls_not_distinct=True),
    # How an order was asked for.
    Index("ix_commands_placed", "trader_id", "order_id", postgresql_where=text("kind = 'place'")),
)

# The queue, kept apart so that settling a command is one small deletion and `commands` is never rewritten.
waiting_commands = Table(
    "waiting_commands",
    metadata,
    Column("shard_id", Integer, primary_key=True, autoincrement=False),
    Column("command_id", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", Moment, nullable=False),
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "5000"},
)

# The tables below are written by the batch alone, from books that already hold these rules: a foreign key would check
# each row a second time, and is left out for that.
orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("shard_id", Integer, nullable=False),
    Column("trader_id", BigInteger, nullable=False),
    Column("instrument_id", Integer, nullable=False),
    Column("side", Text, nullable=False),
    Column("order_type", Text, nullable=False),
    Column("price_ticks", BigInteger),
    Column("quantity_lots", BigInteger, nullable=False),
    Column("filled_lots", BigInteger, nullable=False),
    Column("leaves_lots", BigInteger, nullable=False),
    Column("notional_ticks", BigInteger, nullable=False),  # The sum of price times quantity over the fills.
    Column("time_in_force", Text, nullable=False),
    Column("expires_at", Moment),
    Column("post_only", Boolean, nullable=False),
    Column("self_trade_prevention", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("priority", BigInteger, nullable=False),  # The event that gave it its place in the queue.
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("closed_at", Moment),
    CheckConstraint("leaves_lots >= 0 AND filled_lots + leaves_lots <= quantity_lots", name="lots"),
    # On closed_at and not on the open states, so that a partial fill changes no index.
    Index("ix_orders_open", "instrument_id", "side", "price_ticks", postgresql_where=text("closed_at IS NULL")),
    Index("ix_orders_open_of_trader", "trader_id", "id", postgresql_where=text("closed_at IS NULL")),
    # With all that narrows a page of orders, so that those which are passed over are not read themselves.
    Index(
        "ix_orders_closed_of_trader",
        "trader_id",
        "id",
        postgresql_include=["instrument_id", "side", "state", "closed_at"],
        postgresql_where=text("closed_at IS NOT NULL"),
    ),
    Index("ix_orders_closed_since", "trader_id", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
    postgresql_with={"fillfactor": "80"},
)

trades = Table(
    "trades",
    metadata,
    Column("shard_id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # Its event's.
    Column("instrument_id", Integer, nullable=False),
    Column("price_ticks", BigInteger, nullable=False),
    Column("quantity_lots", BigInteger, nullable=False),
    Column("taker_side", Text, nullable=False),
    Column("maker_order_id", BigInteger, nullable=False),
    Column("maker_trader_id", BigInteger, nullable=False),
    Column("maker_commission_cents", BigInteger, nullable=False),
    Column("taker_order_id", BigInteger, nullable=False),
    Column("taker_trader_id", BigInteger, nullable=False),
    Column("taker_commission_cents", BigInteger, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    # With all that candles and volumes are summed from.
    Index(None, "instrument_id", "number", postgresql_include=["occurred_at", "price_ticks", "quantity_lots"]),
    Index(None, "occurred_at"),
    Index(None, "maker_trader_id", "occurred_at"),
    Index(None, "taker_trader_id", "occurred_at"),
)

positions = Table(
    "positions",
    metadata,
    Column("trader_id", BigInteger, primary_key=True, autoincrement=False),
    Column("instrument_id", Integer, primary_key=True, autoincrement=False),
    Column("lots", BigInteger, nullable=False),
    Column("open_cost_ticks", Numeric, nullable=False),
    Column("realised_ticks", Numeric, nullable=False),
    Column("commission_cents", Numeric, nullable=False),
    postgresql_with={"fillfactor": "80"},
)

# What each shard has been told of a trader's limits; a row per shard, because each takes the command in its own time.
trader_limits = Table(
    "trader_limits",
    metadata,
    Column("shard_id", Integer, primary_key=True, autoincrement=False),
    Column("trader_id", BigInteger, primary_key=True, autoincrement=False),
    Column("frozen", Boolean, nullable=False),
    Column("order_quantity_lots_max", BigInteger),
    Column("open_orders_max", BigInteger),
    Column("position_lots_max", BigInteger),
)

# Append-only and complete: the commands in the order of their first events, at the times of those, give it all again.
events = Table(
    "events",
    metadata,
    Column("shard_id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("occurred_at", Moment, nullable=False),
    Column("command_id", BigInteger),  # Null for what time alone brought about.
    Column("kind", Text, nullable=False),
    Column("instrument_id", Integer),
    Column("order_id", BigInteger),
    Column("trader_id", BigInteger),
    Column("counter_trader_id", BigInteger),  # The maker of a trade.
    Column("body", Text, nullable=False),  # JSON as `events.to_json` writes it.
    Index(None, "trader_id", "shard_id", "number"),
    Index(
        None,
        "counter_trader_id",
        "shard_id",
        "number",
        postgresql_where=text("counter_trader_id IS NOT NULL"),
    ),
)

# Commands that the market could not take: settled as refused, with the trace for whoever looks into it.
malfunctions = Table(
    "malfunctions",
    metadata,
    Column("command_id", BigInteger, primary_key=True, autoincrement=False),
    Column("shard_id", Integer, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("trace", Text, nullable=False),
)
