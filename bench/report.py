"""Medians, the printed table, the JSON file, and on what machine it was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.service import RunningService

PACKAGES = ("tornado", "pykka", "motor", "pymongo", "orjson")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of `values` do not exceed; nan when there is none."""
    if not values:
        return float("nan")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure over `rounds`."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def shown(value: float | None) -> str:
    """Return `value` with about three digits, for a person."""
    if value is None or value != value:  # noqa: PLR0124 - that is what nan is
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns; the first is text, the others are figures."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def machine(service: RunningService) -> dict[str, Any]:
    """Return where and on what this is measured."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_average_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "store": service.stores["store"].name
        if "store" in service.stores
        else "a store that was given",
        "processes": "one server, store, Redis and clients, each its own, over loopback",
    }


def print_machine(about: Mapping[str, Any]) -> None:
    """Print what `machine` returned."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    print(
        f"{about['measured_at']}: {about['cores']} cores (load {about['load_average_1m']} before), "
        f"Python {about['python']}, {packages}; {about['store']}; {about['processes']}"
    )


def write_json(path: Path | None, document: Mapping[str, Any]) -> None:
    """Write `document` where asked to."""
    if path is not None:
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
