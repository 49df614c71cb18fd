"""What the programs can all be told."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


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


def prepare() -> None:
    """Allow as many sockets as the system does, and tidy up when told to end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def progress(step: str) -> None:
    """Tell whoever waits what is being done."""
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)
