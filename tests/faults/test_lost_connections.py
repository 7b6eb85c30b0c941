"""A database that crashes: whoever was connected is told so by one name, and goes on with it once it is back."""

import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.database import connect
from bot.settings import Settings
from tests.faults.quiet import wait_until
from tests.faults.servers import breakable_servers

BACK_SECONDS_MAX = 30


def test_a_crash_of_the_database_is_told_as_a_lost_connection():
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        with breakable_servers(Path(scratch)) as servers:
            database = connect(
                Settings(
                    database_url=servers.database_url,
                    redis_url=servers.redis_url,
                    secret_key="k" * 32,
                    twilio_account_sid="AC" + "a" * 32,
                    twilio_auth_tokens=("0" * 32,),
                    twilio_whatsapp_number="whatsapp:+14155238886",
                    whatsapp_verify_token="verify me",
                )
            )

            def answers() -> bool:
                try:
                    with database.connect() as connection:
                        return connection.scalar(sa.text("SELECT 1")) == 1
                except OperationalError:
                    return False

            with database.connect() as connection:
                assert connection.scalar(sa.text("SELECT 1")) == 1
                servers.restart_postgres(seconds_away=0)
                with pytest.raises(OperationalError) as lost:
                    connection.scalar(sa.text("SELECT 1"))
                assert lost.value.connection_invalidated
            wait_until("the database answers", answers, BACK_SECONDS_MAX)
            database.dispose()
