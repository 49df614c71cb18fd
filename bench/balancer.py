"""A balancer before the server: HAProxy with the configuration that is in deploy/."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench.account import listener
from storage.embedded_child import end, spawn

CONFIGURATION = Path(__file__).resolve().parent.parent / "deploy" / "haproxy.cfg"
LISTENS_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0
POLL_S = 0.02


class BalancerFailed(Exception):
    """HAProxy is not installed, or does not run."""


@dataclass(frozen=True, slots=True)
class Balancer:
    """HAProxy, while it runs."""

    process: Popen[bytes]
    log: Path
    """Which of the server processes it holds for ready."""


@contextmanager
def running_balancer(directory: Path, port: int, processes: Sequence[int]) -> Iterator[Balancer]:
    """Run HAProxy on `port` before server processes at the ports of `processes`.

    Raises BalancerFailed.
    """
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise BalancerFailed("HAProxy is missing: apt-get install haproxy")
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_configuration(processes))
    log = directory / "haproxy.log"
    with log.open("wb") as output:
        balancer = spawn(
            [program, "-db", "-f", configuration],
            env={**os.environ, "BALANCER_ADDRESS": f"127.0.0.1:{port}"},
            output=output,
        )
    try:
        deadline = time.monotonic() + LISTENS_WITHIN_S
        while listener(port) is None:
            if balancer.poll() is not None or time.monotonic() > deadline:
                raise BalancerFailed(log.read_text(errors="replace"))
            time.sleep(POLL_S)
        yield Balancer(balancer, log)
    finally:
        end(balancer, deadline_s=STOP_WITHIN_S)


def _configuration(processes: Sequence[int]) -> str:
    """Return the project's configuration with servers at `processes` in place of its own.

    Without what needs root, as whoever measures or tests has no more rights than they need.
    """
    lines: list[str] = []
    for line in CONFIGURATION.read_text().splitlines():
        match line.split():
            case ["server", "process-1", *_]:
                lines += [
                    f"    server process-{number} 127.0.0.1:{port} id {number}"
                    for number, port in enumerate(processes, 1)
                ]
            case ["server" | "user" | "group" | "chroot" | "stats", *_]:
                pass
            case _:
                lines.append(line)
    return "\n".join([*lines, ""])
