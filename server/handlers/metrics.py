"""Figures for Prometheus: `GET /metrics` (contract section 2.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.errors import PermissionDenied
from server.handlers.base import PUBLIC, ApiHandler
from server.metrics import CONTENT_TYPE, Metrics
from server.operation import Operation
from server.service import Service
from storage.client import StoreUnavailable
from storage.jobs import JobRow

JOBS_WITHIN_S = 1.0
"""A scrape has 10 s unless told otherwise."""


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
        jobs = await self._jobs()
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self._metrics.text(jobs))

    async def _jobs(self) -> Sequence[JobRow]:
        """Return how the jobs do, none while the store does not answer: the rest is shown then."""
        try:
            async with asyncio.timeout(JOBS_WITHIN_S):
                return await self.service.stores.jobs.all()
        except (StoreUnavailable, TimeoutError):
            return ()


ROUTES = [(r"/metrics", MetricsHandler)]
