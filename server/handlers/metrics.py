"""Figures for Prometheus: `GET /metrics` (contract section 2.7)."""

from __future__ import annotations

from server.errors import PermissionDenied
from server.handlers.base import PUBLIC, ApiHandler
from server.metrics import CONTENT_TYPE, Metrics
from server.operation import Operation
from server.service import Service


class MetricsHandler(ApiHandler):
    """`GET /metrics`."""

    roles = {"GET": PUBLIC}
    operations = {"GET": Operation(answers={200: "text/plain"}, refusals=(403,))}
    is_rate_limited = False

    def initialize(self, service: Service, metrics: Metrics | None = None) -> None:
        """Take the process's metrics beside the service."""
        super().initialize(service)
        self._metrics = metrics

    async def get(self) -> None:
        """Show this process's figures to the networks of `SNB_METRICS_ALLOW`."""
        address = self.service.addresses.exact(self.request)
        networks = self.service.settings.metrics_allow
        if address is None or not any(address in network for network in networks):
            raise PermissionDenied("Metrics are not for your address")
        assert self._metrics is not None
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self._metrics.text())


ROUTES = [(r"/metrics", MetricsHandler)]
