"""Start and stop child programs so that none outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# linux/prctl.h
PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    output: IO[bytes] | None = None,
    keeping: int | None = None,
    orphan_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command`; the kernel sends it `orphan_signal` when this process is gone.

    It runs in a session of its own, so that Ctrl-C reaches only its parent, which then stops
    its children in order. Call it from the main thread: the kernel counts the *thread* that
    forked as the parent (prctl(2)). `output` takes stdout and stderr; None leaves them ours.
    `keeping` is a file that it inherits.
    """
    # Loaded here: between fork and exec as little as possible may happen.
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, orphan_signal)
        if os.getppid() != parent:
            # It died before the line above.
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        pass_fds=() if keeping is None else (keeping,),
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - the callers have one thread
    )


def end(child: subprocess.Popen[bytes], *, deadline_s: float) -> int:
    """Ask `child` to stop, kill it after `deadline_s`, and return its exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()
