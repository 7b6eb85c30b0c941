"""Let two indexes hold all that pages of orders and candles are found from."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_orders_closed_of_trader", "orders")
    op.create_index(
        "ix_orders_closed_of_trader",
        "orders",
        ["trader_id", "id"],
        postgresql_include=["instrument_id", "side", "state", "closed_at"],
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_trades_instrument_id_number"), "trades")
    op.create_index(
        op.f("ix_trades_instrument_id_number"),
        "trades",
        ["instrument_id", "number"],
        postgresql_include=["occurred_at", "price_ticks", "quantity_lots"],
    )
