"""The Tornado application: every route of the service."""

from __future__ import annotations

from typing import Any

import tornado.web

from actors.frames import to_json
from server import websocket
from server.application import Application
from server.edge import Edge
from server.handlers import (
    analytics,
    audit_log,
    business_updates,
    campaigns,
    channel_switches,
    click_links,
    deliveries,
    devices,
    docs,
    events,
    followers,
    follows,
    health,
    images,
    insights,
    metrics,
    notifications,
    openapi,
    overview,
    pages,
    preferences,
    privacy,
    schedules,
    simulation,
    templates,
    traces,
    unsubscribe,
    webhooks,
)
from server.handlers.base import UnknownPath
from server.handlers.metrics import MetricsHandler
from server.handlers.openapi import OpenApiHandler
from server.metrics import Metrics
from server.openapi.document import build_document
from server.openapi.paths import path_of
from server.service import Service

Route = tuple[str, type[tornado.web.RequestHandler]]


def routes(*, has_demo: bool) -> list[Route]:
    """Return all routes; the demo page is there where one can be somebody on it."""
    found: list[Route] = [
        # Tried in this order, at 2 us each: first what everybody asks for, all at once at times.
        *websocket.ROUTES,
        *events.ROUTES,
        *notifications.ROUTES,
        *schedules.ROUTES,
        *traces.ROUTES,
        *preferences.ROUTES,
        *follows.ROUTES,
        *devices.ROUTES,
        *followers.ROUTES,
        *business_updates.ROUTES,
        *unsubscribe.ROUTES,
        *webhooks.ROUTES,
        *click_links.ROUTES,
        *privacy.ROUTES,
        *overview.ROUTES,
        *simulation.ROUTES,
        *deliveries.ROUTES,
        *channel_switches.ROUTES,
        *analytics.ROUTES,
        *insights.ROUTES,
        *campaigns.ROUTES,
        *audit_log.ROUTES,
        *templates.ROUTES,
        *images.ROUTES,
        *health.ROUTES,
        *metrics.ROUTES,
        *openapi.ROUTES,
        *docs.ROUTES,
    ]
    return [*found, *pages.ROUTES] if has_demo else found


def build_application(service: Service) -> Application:
    """Return the application whose handlers work with `service`."""
    given: dict[str, Any] = {"service": service}
    table = routes(has_demo=service.settings.has_demo)
    paths = {handler: path_of(route, handler)[0] for route, handler in reversed(table)}
    figures = Metrics(service, paths)
    document = to_json(build_document(table))
    own: dict[type, dict[str, Any]] = {
        OpenApiHandler: {"document": document},
        MetricsHandler: {"metrics": figures},
    }
    edge = Edge(
        allowed_origins=service.settings.allowed_origins,
        is_https=service.settings.tls is not None
        or service.settings.public_url.startswith("https:"),
    )
    return Application(
        [(path, handler, given | own.get(handler, {})) for path, handler in table],
        edge=edge,
        default_handler_class=UnknownPath,
        default_handler_args=given,
        log_function=figures.observe,
    )
