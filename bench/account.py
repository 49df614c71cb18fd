"""Read what processes use, from the operating system's own account."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil


def cpu_s(pid: int) -> float:
    """Return the CPU time that all threads of `pid` have used, user and system, in seconds.

    Its clock (clock_getcpuclockid(3), the id made as Linux makes it) counts nanoseconds;
    /proc/<pid>/stat has the same sum in steps of 10 ms, more than a whole row may take.
    """
    return time.clock_gettime((~pid << 3) | 2)


def kernel_s(pid: int) -> float:
    """Return the part of `cpu_s` that was spent in the kernel, in steps of 10 ms."""
    return float(psutil.Process(pid).cpu_times().system)


def rss_bytes(pid: int) -> int:
    """Return the resident memory of `pid`."""
    return int(psutil.Process(pid).memory_info().rss)


def family(pid: int) -> list[int]:
    """Return `pid` and its children: the server processes, where one keeps several."""
    return [pid, *(child.pid for child in psutil.Process(pid).children())]


def listener(port: int) -> int | None:
    """Return who listens on `port` of this machine, None where that is not to be seen."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return int(connection.pid) if connection.pid else None
    return None


@dataclass(frozen=True, slots=True)
class Reading:
    """What processes had used at a moment of CLOCK_MONOTONIC: user and system together."""

    at_s: float
    used_s: Mapping[str, float]

    def since(self, before: Reading) -> dict[str, float]:
        """Return what each has used since `before`, in seconds."""
        return {name: used_s - before.used_s[name] for name, used_s in self.used_s.items()}


@dataclass(frozen=True, slots=True)
class Watched:
    """The processes whose CPU is accounted, by what they are: `{"server": [pid, ...], ...}`."""

    pids: Mapping[str, Sequence[int]]

    def read(self) -> Reading:
        """Return what those of each name have used so far, together."""
        used_s = {name: sum(map(cpu_s, pids)) for name, pids in self.pids.items()}
        return Reading(time.monotonic(), used_s)
