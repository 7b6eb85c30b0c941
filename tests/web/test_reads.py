"""What only reads, as PostgreSQL sees it."""

import sqlalchemy as sa
from flask import Flask


def test_what_only_reads_is_one_statement_and_leaves_no_transaction_open(app: Flask, database: sa.Engine):
    for number in (1, 2):  # The second use is of a kept connection.
        with app.extensions["reads"]() as session:
            server_process, _ = session.execute(sa.text(f"SELECT pg_backend_pid(), {number}")).one()
        with database.connect() as connection:
            activity = sa.text("SELECT state, query FROM pg_stat_activity WHERE pid = :pid")
            state, last_statement = connection.execute(activity, {"pid": server_process}).one()
        assert (state, last_statement) == ("idle", f"SELECT pg_backend_pid(), {number}")
