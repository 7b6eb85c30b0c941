"""The HTTP application: its tools, its blueprints, and the headers that every answer carries."""

from flask import Flask
from flask_talisman import Talisman
from redis import Redis
from sqlalchemy.orm import sessionmaker

from bot.database import connect
from bot.settings import Settings
from web import errors, pages
from web.health import health
from web.webhook import webhook

BODY_BYTES_MAX = 64 * 1024
REDIS_SECONDS_MAX = 1
CONTENT_SECURITY_POLICY = {"default-src": "'self'", "img-src": "'self' data:", "media-src": "'self' blob:"}


def create_app(settings: Settings | None = None) -> Flask:
    """The application for these settings, or for those of the environment; raises SettingsError where they are bad."""
    settings = settings or Settings.from_env()
    app = Flask(__name__)
    app.secret_key = settings.secret_key
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    database = connect(settings)
    app.extensions["settings"] = settings
    app.extensions["database"] = database
    app.extensions["sessions"] = sessionmaker(database)
    app.extensions["redis"] = Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_SECONDS_MAX, socket_connect_timeout=REDIS_SECONDS_MAX
    )
    errors.register(app)
    pages.register(app)
    app.register_blueprint(webhook)
    app.register_blueprint(health)
    # The host's proxy ends TLS and redirects to it; a redirect here would also catch its health checks.
    Talisman(
        app,
        force_https=False,
        content_security_policy=CONTENT_SECURITY_POLICY,
        session_cookie_secure=settings.public_url.startswith("https://"),
    )
    return app
