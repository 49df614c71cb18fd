"""What the programs can all be told."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from config.daily_caps import USER_TYPES, ChannelCaps
from config.rate_limits import RateLimits

UNREACHED = 1_000_000
"""A limit that is counted and refuses nothing."""


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`, so that no run is without bounds."""

    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"must be {low} to {high}")
        return number

    return parse


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that all programs have."""
    parser.add_argument(
        "--rounds", type=whole(1, 50), default=5, help="figures are their medians (5)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="record what the server does with py-spy, a file each phase: FILE is a name that"
        " ends in .svg (flame graph), .json (speedscope) or .txt (stacks)",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the option that has rate limits and daily caps counted."""
    parser.add_argument(
        "--limits",
        action="store_true",
        help="have rate limits and daily caps counted, at numbers that nobody reaches; off",
    )


def limits(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings of limits and caps for what `options` ask."""
    if not options.limits:
        return {"SNB_RATE_LIMITS": "off", "SNB_DAILY_CAPS": "off"}
    rates = dict.fromkeys((each.name for each in fields(RateLimits)), UNREACHED)
    channels = dict.fromkeys((each.name for each in fields(ChannelCaps)), UNREACHED)
    return {
        "SNB_RATE_LIMITS": json.dumps(rates),
        "SNB_DAILY_CAPS": json.dumps(dict.fromkeys(sorted(USER_TYPES), channels)),
    }


def prepare() -> None:
    """Allow as many sockets as the system does, and tidy up when told to end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def progress(step: str) -> None:
    """Tell whoever waits what is being done."""
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)
