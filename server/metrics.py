"""What operators can see of a process: `GET /metrics` in Prometheus's text format.

Requests are observed as they end; everything else is read when somebody asks (2 ms in all). Of what
is done by the clock, by whichever process, every server tells the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields

import tornado.web
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from actors.distribution import Distribution
from actors.tally import Tally
from server.service import Service
from storage.jobs import JobRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LATENCY_BOUNDS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

UNKNOWN = "unknown"
"""The route of what no route matches: paths that clients make up are no labels."""


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, service: Service, templates: Mapping[type, str]) -> None:
        """Take the process, and the path template of each handler class."""
        self._templates = templates
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "snb_http_request_duration_seconds",
            "Time from the headers of a request to the end of its answer",
            ("method", "route", "status"),
            buckets=LATENCY_BOUNDS_S,
            registry=self._registry,
        )
        # A look-up by labels costs more than the observation itself.
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self._registry.register(_ProcessState(service))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def observe(self, handler: tornado.web.RequestHandler) -> None:
        """Count a request that has ended."""
        is_known = handler.request.method in handler.SUPPORTED_METHODS
        method = str(handler.request.method) if is_known else UNKNOWN
        route = self._templates.get(type(handler), UNKNOWN)
        key = (method, route, handler.get_status() // 100)
        child = self._children.get(key)
        if child is None:
            child = self._requests.labels(method, route, f"{key[2]}xx")
            self._children[key] = child
        child.observe(handler.request.request_time())

    def text(self, jobs: Sequence[JobRow]) -> bytes:
        """Return all metrics in Prometheus's text format, those of `jobs` included."""
        of_jobs = CollectorRegistry()
        of_jobs.register(_Jobs(jobs))
        return generate_latest(self._registry) + generate_latest(of_jobs)


class _ProcessState(Collector):
    """Reads what the parts of the process know of themselves."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Return all of it, as of now."""
        service = self._service
        yield _gauge("snb_sockets", "WebSockets open", len(service.hub))
        yield _gauge("snb_sockets_waiting", "WebSockets not greeted yet", len(service.arrivals))
        yield _gauge("snb_user_actors", "Users with an actor here", len(service.directory))
        yield _gauge("snb_requests_in_flight", "Requests under way", len(service.in_flight))
        waiting = GaugeMetricFamily(
            "snb_mailbox_messages", "Messages waiting for an actor", labels=["actor"]
        )
        for actor, count in service.mailboxes().items():
            waiting.add_metric([actor], count)
        yield waiting
        yield from _counters(service.tally)
        yield _histogram(
            "snb_loop_lag_seconds", "How late a timer of the loop was", service.loop_lag
        )
        yield _histogram(
            "snb_gc_pause_seconds",
            "How long a garbage collection stopped the process",
            service.garbage_pauses,
        )


class _Jobs(Collector):
    """Tells of what all processes together do by the clock."""

    def __init__(self, jobs: Sequence[JobRow]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        """Return how each job has gone."""
        ended = GaugeMetricFamily(
            "snb_job_last_run_timestamp_seconds", "When the job last ended", labels=["job"]
        )
        took = GaugeMetricFamily(
            "snb_job_last_run_duration_seconds", "How long the job last took", labels=["job"]
        )
        runs = CounterMetricFamily("snb_job_runs", "Runs of the job", labels=["job"])
        failures = CounterMetricFamily("snb_job_failures", "Runs that failed", labels=["job"])
        for job in self._jobs:
            if job.ended_at is not None:
                ended.add_metric([job.name], job.ended_at.timestamp())
                took.add_metric([job.name], job.duration_s)
            runs.add_metric([job.name], job.runs)
            failures.add_metric([job.name], job.failures)
        yield from (ended, took, runs, failures)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def _counters(tally: Tally) -> Iterator[Metric]:
    for each in fields(tally):
        name, words = f"snb_{each.name}", each.metadata["words"]
        value = getattr(tally, each.name)
        if isinstance(value, Distribution):
            yield _histogram(f"{name}_seconds", words, value)
            continue
        if "labels" not in each.metadata:
            yield CounterMetricFamily(name, words, value)
            continue
        counter = CounterMetricFamily(name, words, labels=each.metadata["labels"])
        for label, count in value.items():
            counter.add_metric([label] if isinstance(label, str) else label, count)
        yield counter


def _histogram(name: str, words: str, measured: Distribution) -> Metric:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, measured.bounds_s), "+Inf"), measured.counts, strict=True):
        total += count
        buckets.append((bound, total))
    family = HistogramMetricFamily(name, words)
    family.add_metric([], buckets, measured.total_s)
    return family
