"""gunicorn's configuration: one address, cooperative workers, and database calls that let others run."""

import resource
import sys
import warnings

from gunicorn.workers.base import Worker
from psycogreen.gevent import patch_psycopg
from redis import Redis

from bot import garbage, logs, metrics
from bot.settings import Settings, SettingsError

try:
    settings = Settings.from_env()
except SettingsError as problem:
    sys.exit(f"The web server cannot start: {problem}.")

logs.configure()
# redis brings in ssl for asyncio, which nothing here uses, before gunicorn's worker lets gevent take it over.
warnings.filterwarnings("ignore", message="Monkey-patching ssl")
bind = f"{settings.host}:{settings.port}"
worker_class = "gevent"
workers = settings.web_workers
# Each connection is a file; some are left for the database, Redis and logs.
WORKER_CONNECTIONS_MAX, FILES_KEPT = 10_000, 200
_, files_allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
files = WORKER_CONNECTIONS_MAX + FILES_KEPT
if files_allowed != resource.RLIM_INFINITY:
    files = min(files, files_allowed)
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files_allowed))
worker_connections = files - FILES_KEPT
graceful_timeout = 5
control_socket_disable = True


def post_fork(server: object, worker: Worker) -> None:
    """A worker waiting for PostgreSQL serves others meanwhile."""
    patch_psycopg()


def post_worker_init(worker: Worker) -> None:
    """A worker that is told to stop sends its sockets to another, and has its counts added up until then."""
    worker.wsgi.extensions["live"].is_ending = lambda: not worker.alive
    garbage.keep_what_is_loaded()
    worker.publisher = metrics.Publisher(Redis.from_url(settings.redis_url))
    worker.publisher.start()


def worker_exit(server: object, worker: Worker) -> None:
    if hasattr(worker, "publisher"):  # It may have ended before it began.
        worker.publisher.close()
