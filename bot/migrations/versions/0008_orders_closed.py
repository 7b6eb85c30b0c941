"""Index what ended by its number and by when, in place of all orders together; lock no shard for a command."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CLOSED = sa.text("closed_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_orders_closed_of_trader", "orders", ["trader_id", "id"], postgresql_where=CLOSED)
    op.create_index("ix_orders_closed_since", "orders", ["trader_id", "closed_at"], postgresql_where=CLOSED)
    op.drop_index(op.f("ix_orders_trader_id_id"), "orders")
    op.drop_constraint(op.f("fk_commands_shard_id"), "commands")
    op.create_index("ix_instruments_lower_symbol", "instruments", [sa.text("lower(symbol)")])
