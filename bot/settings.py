"""Every setting of every process, read once as it starts; nothing else touches `os.environ`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.languages import LANGUAGES

TWILIO_API_URL = "https://api.twilio.com"
SAMPLE_SECRETS = frozenset({"change-me", "changeme", "secret", "dev", "your-secret-key"})
SECRET_KEY_LENGTH_MIN = 32


class SettingsError(Exception):
    """The environment lacks settings or holds bad ones; the text names every one of them at once."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process needs to know; a secret has no default, so a process without it does not start."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    frontend_url: str = "http://127.0.0.1:8000"
    twilio_account_sid: str
    twilio_auth_tokens: tuple[str, ...] = field(repr=False)  # The one in use, then the one it replaced.
    twilio_api_url: str = TWILIO_API_URL
    twilio_whatsapp_number: str
    chat_url: str = ""  # Where pages lead whoever wants to write to us; without it, to our number at WhatsApp.
    # The content templates by language: a question with its buttons, and a notice outside the 24-hour window.
    twilio_question_templates: Mapping[str, str] = field(default_factory=dict)
    twilio_notice_templates: Mapping[str, str] = field(default_factory=dict)
    twilio_seconds_max: int = 15  # How long one request to Twilio may take.
    twilio_connections: int = 8
    whatsapp_verify_token: str = field(repr=False)
    send_attempts_max: int = 24
    send_retry_seconds_min: int = 1
    send_retry_seconds_max: int = 300
    notice_seconds_min: int = 6  # Between two notices to one trader, as WhatsApp asks for.
    status_seconds_max: int = 60  # How long a message may go without a callback before we ask after it.
    engine_shards: int = 1
    default_language: str = "en"
    database_pool_size: int = 15
    messages_per_sender_per_minute: int = 30
    logins_per_quarter_hour: int = 5
    orders_per_minute: int = 10
    requests_per_minute: int = 100
    webhooks_per_minute: int = 30
    web_workers: int = 2
    sockets_per_address: int = 50  # In each web process, as the next.
    sockets_per_account: int = 20
    trusted_proxy_hops: int = 0
    voice_keep_days: int = 7
    messages_keep_days: int = 1095
    metrics_token: str = field(default="", repr=False)  # Without one nobody may read the metrics.
    whisper_model: str = "base"
    whisper_model_dir: str = "var/models"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """The settings that `env` spells; raises SettingsError naming everything that is missing or wrong."""
        problems: list[str] = []

        def required(name: str) -> str:
            value = env.get(name, "")
            if not value:
                problems.append(f"{name} is not set")
            return value

        def number(name: str, default: int, minimum: int) -> int:
            text = env.get(name) or str(default)
            if not text.isdecimal() or int(text) < minimum:
                problems.append(f"{name} must be a whole number of at least {minimum}, not {text!r}")
                return default
            return int(text)

        port = number("PORT", cls.port, 1)
        public_url = (env.get("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/")
        secret_key = required("SECRET_KEY")
        if secret_key and (secret_key.casefold() in SAMPLE_SECRETS or len(secret_key) < SECRET_KEY_LENGTH_MIN):
            problems.append(f"SECRET_KEY must be a real secret of at least {SECRET_KEY_LENGTH_MIN} characters")
        tokens = (required("TWILIO_AUTH_TOKEN"), env.get("TWILIO_AUTH_TOKEN_PREVIOUS", ""))
        settings = cls(
            database_url=sqlalchemy_url(required("DATABASE_URL")),
            redis_url=required("REDIS_URL"),
            secret_key=secret_key,
            host=env.get("HOST") or cls.host,
            port=port,
            public_url=public_url,
            frontend_url=(env.get("FRONTEND_URL") or public_url).rstrip("/"),
            twilio_account_sid=required("TWILIO_ACCOUNT_SID"),
            twilio_auth_tokens=tuple(token for token in tokens if token),
            twilio_api_url=(env.get("TWILIO_API_URL") or TWILIO_API_URL).rstrip("/"),
            twilio_whatsapp_number=required("TWILIO_WHATSAPP_NUMBER"),
            chat_url=env.get("CHAT_URL", ""),
            twilio_question_templates=per_language(env, "TWILIO_QUESTION_CONTENT_SID"),
            twilio_notice_templates=per_language(env, "TWILIO_NOTICE_CONTENT_SID"),
            twilio_seconds_max=number("TWILIO_SECONDS_MAX", cls.twilio_seconds_max, 1),
            twilio_connections=number("TWILIO_CONNECTIONS", cls.twilio_connections, 1),
            whatsapp_verify_token=required("WHATSAPP_VERIFY_TOKEN"),
            send_attempts_max=number("SEND_ATTEMPTS_MAX", cls.send_attempts_max, 1),
            send_retry_seconds_min=number("SEND_RETRY_SECONDS_MIN", cls.send_retry_seconds_min, 1),
            send_retry_seconds_max=number("SEND_RETRY_SECONDS_MAX", cls.send_retry_seconds_max, 1),
            notice_seconds_min=number("NOTICE_SECONDS_MIN", cls.notice_seconds_min, 0),
            status_seconds_max=number("STATUS_SECONDS_MAX", cls.status_seconds_max, 1),
            engine_shards=number("ENGINE_SHARDS", cls.engine_shards, 1),
            default_language=env.get("DEFAULT_LANGUAGE") or cls.default_language,
            database_pool_size=number("DATABASE_POOL_SIZE", cls.database_pool_size, 1),
            messages_per_sender_per_minute=number(
                "MESSAGES_PER_SENDER_PER_MINUTE", cls.messages_per_sender_per_minute, 1
            ),
            logins_per_quarter_hour=number("LOGINS_PER_QUARTER_HOUR", cls.logins_per_quarter_hour, 1),
            orders_per_minute=number("ORDERS_PER_MINUTE", cls.orders_per_minute, 1),
            requests_per_minute=number("REQUESTS_PER_MINUTE", cls.requests_per_minute, 1),
            webhooks_per_minute=number("WEBHOOKS_PER_MINUTE", cls.webhooks_per_minute, 1),
            web_workers=number("WEB_CONCURRENCY", cls.web_workers, 1),
            sockets_per_address=number("SOCKETS_PER_ADDRESS", cls.sockets_per_address, 1),
            sockets_per_account=number("SOCKETS_PER_ACCOUNT", cls.sockets_per_account, 1),
            trusted_proxy_hops=number("TRUSTED_PROXY_HOPS", cls.trusted_proxy_hops, 0),
            voice_keep_days=number("VOICE_KEEP_DAYS", cls.voice_keep_days, 0),
            messages_keep_days=number("MESSAGES_KEEP_DAYS", cls.messages_keep_days, 1),
            metrics_token=env.get("METRICS_TOKEN", ""),
            whisper_model=env.get("WHISPER_MODEL") or cls.whisper_model,
            whisper_model_dir=env.get("WHISPER_MODEL_DIR") or cls.whisper_model_dir,
        )
        if settings.default_language not in LANGUAGES:
            problems.append(f"DEFAULT_LANGUAGE must be en, es or pt, not {settings.default_language!r}")
        if problems:
            raise SettingsError("; ".join(problems))
        return settings


def per_language(env: Mapping[str, str], name: str) -> dict[str, str]:
    """The values of NAME_EN, NAME_ES and NAME_PT, by language, as far as they are set."""
    found = {language: env.get(f"{name}_{language.upper()}") for language in LANGUAGES}
    return {language: value for language, value in found.items() if value}


def sqlalchemy_url(url: str) -> str:
    """Hosting providers write postgres://; SQLAlchemy wants the dialect and driver named."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url.removeprefix(scheme)
    return url


def running_servers(env: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """The database and Redis of the stack that the environment names, if it names both."""
    database_url, redis_url = env.get("DATABASE_URL"), env.get("REDIS_URL")
    return (sqlalchemy_url(database_url), redis_url) if database_url and redis_url else None
