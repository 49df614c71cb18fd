"""The Tornado application: every route of the service."""

from __future__ import annotations

from typing import Any

import tornado.web

from server import websocket
from server.handlers import devices, events, follows, health, notifications, pages, preferences
from server.handlers.base import UnknownPath
from server.service import Service

PING_EVERY_S = 30.0

MESSAGE_LIMIT_BYTES = 64 * 1024
"""Tornado's own limit on a client's message, which it ends with 1009."""

Route = tuple[str, type[tornado.web.RequestHandler]]


def routes(*, has_demo: bool) -> list[Route]:
    """Return all routes; the demo page is there where one can be somebody on it."""
    found: list[Route] = [
        *events.ROUTES,
        *notifications.ROUTES,
        *preferences.ROUTES,
        *follows.ROUTES,
        *devices.ROUTES,
        *health.ROUTES,
        *websocket.ROUTES,
    ]
    return [*found, *pages.ROUTES] if has_demo else found


def build_application(service: Service) -> tornado.web.Application:
    """Return the application whose handlers work with `service`."""
    given: dict[str, Any] = {"service": service}
    return tornado.web.Application(
        [(path, handler, given) for path, handler in routes(has_demo=service.settings.has_demo)],
        default_handler_class=UnknownPath,
        default_handler_args=given,
        websocket_ping_interval=PING_EVERY_S,
        websocket_ping_timeout=PING_EVERY_S,
        websocket_max_message_size=MESSAGE_LIMIT_BYTES,
        log_function=_log_request,
    )


def _log_request(handler: tornado.web.RequestHandler) -> None:
    """Pass over successes: they are counted, not logged; `ApiHandler` logs faults."""
