"""Read single figures off the `/metrics` of a server under measurement."""

from __future__ import annotations

import http.client
from collections.abc import Mapping

from config.settings import Settings

WITHIN_S = 10.0


def read_metrics(settings: Settings) -> Mapping[str, float]:
    """Return every sample by its name, labels included, as the text has it."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def longest(before: Mapping[str, float], after: Mapping[str, float], name: str) -> float:
    """Return the bound of the histogram `name` that everything since `before` was up to."""
    buckets = {
        float(key.partition('le="')[2].rstrip('"}')): value - before.get(key, 0.0)
        for key, value in after.items()
        if key.startswith(f"{name}_bucket")
    }
    return min(bound for bound, count in buckets.items() if count == max(buckets.values()))
