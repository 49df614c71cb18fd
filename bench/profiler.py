"""Record a flame graph of a running process with py-spy, where it is installed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMATS = {".svg": "flamegraph", ".json": "speedscope", ".txt": "raw"}
SAMPLES_PER_S = 100
"""Each costs the profiler CPU that the server has to share: 500 halved its throughput."""
WRITTEN_WITHIN_S = 60.0


class ProfilerMissing(Exception):
    """A profile was asked for, and there is nothing to make it with."""

    def __init__(self) -> None:
        super().__init__("--profile needs py-spy, which is not installed (pip install py-spy)")


def check_profiler(output: Path | None) -> None:
    """Raise ProfilerMissing when a profile is asked for and cannot be made."""
    if output is not None:
        _program()


@contextmanager
def profiled(pid: int, output: Path | None, phase: str) -> Iterator[None]:
    """Record what `pid` and its children do meanwhile into `output`, its name extended by `phase`.

    The ending says the format: .svg (flame graph), .json (speedscope) or .txt (stacks and counts).
    Shown is who holds the GIL, so system calls, such as the writing to sockets, are not in it.
    The profiler stops the process for each sample, so figures of such a run are not to be quoted.
    """
    if output is None:
        yield
        return
    path = output.with_name(f"{output.stem}-{phase}{output.suffix}")
    recorder = subprocess.Popen(
        [
            *(_program(), "record", "--pid", str(pid), "--output", str(path)),
            *("--format", FORMATS.get(output.suffix, "flamegraph")),
            # Waiting threads are not always told from working ones; who holds the GIL works.
            *("--rate", str(SAMPLES_PER_S), "--gil", "--subprocesses"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        _, complaint = recorder.communicate(timeout=WRITTEN_WITHIN_S)
        written = f"profile: {path}" if path.exists() else f"no profile: {complaint.strip()}"
        print(written, file=sys.stderr)


def _program() -> str:
    beside_us = Path(sys.executable).with_name("py-spy")
    found = str(beside_us) if beside_us.exists() else shutil.which("py-spy")
    if found is None:
        raise ProfilerMissing
    return found
