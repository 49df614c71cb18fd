"""What all programs do that measure one running service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from bench.options import prepare
from bench.peers import PeerFailed
from bench.profiler import ProfilerMissing, check_profiler
from bench.service import RunningService, ServiceFailed, running_service

Measure = Callable[[RunningService, argparse.Namespace], int]


def run(
    measure: Measure, options: argparse.Namespace, variables: Mapping[str, str] | None = None
) -> int:
    """Return what `measure` returns of a service with `variables`, 2 when it could not be done."""
    try:
        check_profiler(getattr(options, "profile", None))
        prepare()
        with running_service(variables) as service:
            return measure(service, options)
    except (ProfilerMissing, ServiceFailed, PeerFailed) as error:
        print(error, file=sys.stderr)
        return 2
