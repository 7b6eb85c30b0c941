"""gunicorn's configuration: one address, cooperative workers, and database calls that let others run."""

import sys

from psycogreen.gevent import patch_psycopg

from bot.settings import Settings, SettingsError

try:
    settings = Settings.from_env()
except SettingsError as problem:
    sys.exit(f"The web server cannot start: {problem}.")

bind = f"{settings.host}:{settings.port}"
worker_class = "gevent"
graceful_timeout = 5
control_socket_disable = True


def post_fork(server: object, worker: object) -> None:
    """A worker waiting for PostgreSQL serves others meanwhile."""
    patch_psycopg()
