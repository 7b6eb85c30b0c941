"""The HTTP application: its tools, its blueprints, and the headers that every answer carries."""

from apiflask import APIFlask
from flask_compress import Compress
from flask_cors import CORS
from flask_talisman import Talisman
from redis import Redis
from sqlalchemy.orm import sessionmaker
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.database import connect
from bot.settings import Settings
from web import bodies, errors, limits, openapi, pages, rq_dashboard_pages, support
from web.account import account
from web.alerts import price_alerts
from web.asyncapi import asyncapi
from web.auth import auth
from web.board import Board
from web.catalogue import Catalogue
from web.health import health
from web.live import LiveFeed
from web.markets import NameConverter, markets
from web.media import media
from web.metrics import metrics_page, time_requests
from web.news import NewsListener
from web.orders import orders
from web.settlements import Settlements
from web.statements import statements
from web.webhook import webhook

BODY_BYTES_MAX = 64 * 1024
REDIS_SECONDS_MAX = 1
COMPRESSED_BYTES_MIN = 1024
CONTENT_SECURITY_POLICY = {"default-src": "'self'", "img-src": "'self' data:", "media-src": "'self' blob:"}
API_HEADERS_SENT = ("Authorization", "Content-Type", "Idempotency-Key", "Prefer")
API_HEADERS_READ = ("RateLimit", "RateLimit-Policy", "Retry-After")


def create_app(settings: Settings | None = None) -> APIFlask:
    """The application for these settings, or for those of the environment; raises SettingsError where they are bad."""
    settings = settings or Settings.from_env()
    app = openapi.Application(__name__, title="MaiBroker", version="1", docs_path=None, json_errors=False)
    app.secret_key = settings.secret_key
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    app.config["COMPRESS_MIN_SIZE"] = COMPRESSED_BYTES_MIN
    app.url_map.converters["name"] = NameConverter
    database = connect(settings)
    app.extensions["settings"] = settings
    app.extensions["database"] = database
    app.extensions["sessions"] = sessionmaker(database)
    # What only reads needs no transaction, whose beginning and end would be a round trip each.
    app.extensions["reads"] = sessionmaker(connect(settings, isolation_level="AUTOCOMMIT"))
    app.extensions["redis"] = Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_SECONDS_MAX, socket_connect_timeout=REDIS_SECONDS_MAX
    )
    app.extensions["catalogue"] = Catalogue()
    app.extensions["board"] = Board()
    app.extensions["news"] = NewsListener(settings.redis_url)
    app.extensions["settlements"] = Settlements(app.extensions["news"])
    time_requests(app)
    errors.register(app)
    limits.register(app, settings)
    bodies.register(app)
    openapi.configure(app)
    pages.register(app)
    for blueprint in (
        webhook,
        health,
        metrics_page,
        asyncapi,
        auth,
        orders,
        markets,
        account,
        price_alerts,
        media,
        statements,
    ):
        app.register_blueprint(blueprint)
    # The host's proxy ends TLS and redirects to it; a redirect here would also catch its health checks.
    talisman = Talisman(
        app,
        force_https=False,
        content_security_policy=CONTENT_SECURITY_POLICY,
        session_cookie_secure=settings.public_url.startswith("https://"),
        session_cookie_samesite="Strict",
    )
    support.register(app)
    CORS(
        app,
        resources={"/api/*": {"origins": settings.frontend_url}},
        allow_headers=API_HEADERS_SENT,
        expose_headers=API_HEADERS_READ,
    )
    Compress(app)
    # What is registered last sees an answer first: the dashboard's is read before it is compressed.
    rq_dashboard_pages.register(app, talisman)
    hops = settings.trusted_proxy_hops
    app.extensions["live"] = LiveFeed(app, settings, app.wsgi_app)
    app.wsgi_app = ProxyFix(app.extensions["live"], x_for=hops, x_proto=hops)
    return app
