"""Two tables beside one another: what was measured before, and what now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.report import print_table, shown

COMPARED = (
    ("a second", "per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("last ms", "last_ms"),
    ("server us", "server_us"),
    ("balancer us", "balancer_us"),
    ("store us", "store_us"),
    ("worker us", "worker_us"),
    ("memory KiB", "rss_kib"),
    ("round trips", "trips"),
)

Middles = Mapping[str, Mapping[str, float]]


def read_table(path: Path) -> dict[str, Any]:
    """Return what an earlier run wrote with --json."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def compared(before: Middles, after: Middles) -> list[tuple[str, ...]]:
    """Return every figure that both have, and the second as a part of the first."""
    rows: list[tuple[str, ...]] = []
    for row, figures in after.items():
        for label, figure in COMPARED:
            was, now = before.get(row, {}).get(figure), figures.get(figure)
            if was is None or now is None:
                continue
            ratio = shown(now / was) if was else "-"
            rows.append((f"{row}: {label}", shown(was), shown(now), ratio))
    return rows


def print_comparison(before: Middles, after: Middles, *, names: tuple[str, str]) -> None:
    """Print what is `compared`."""
    print_table(("figure", *names, "ratio"), compared(before, after))
