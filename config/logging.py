"""One handler, one format: structlog's lines and the libraries' own leave together on stderr.

Lines carry ids, never addresses, tokens or codes.
"""

from __future__ import annotations

import logging
import logging.config
from typing import Any, Literal

import structlog
from structlog.typing import Processor

# These tell of every command and heartbeat at their own info or debug level; those of the providers
# also of what they send and to whom.
NOISY_LOGGERS = (
    *("pymongo", "redis", "huey", "asyncio", "tornado.access"),
    *("botocore", "boto3", "urllib3", "twilio", "google"),
)


def configure_logging(log_format: Literal["console", "json"], log_level: str) -> None:
    """Send all logging of the process to stderr; calling it again replaces the first."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    rendered: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if log_format == "json"
        # The renderer's own choice of traceback shows the values of variables.
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    formatter: dict[str, Any] = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *shared],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    }
    level = log_level.upper()
    quieter = level if level in {"WARNING", "ERROR"} else "WARNING"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {name: {"level": quieter} for name in NOISY_LOGGERS},
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
