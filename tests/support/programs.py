"""Run the service's programs as processes of their own that need not be loaded anew each time.

To load a program takes longer than most tests that need one. So Python's fork server loads what
they share once for a session of tests, begins nothing of it, and forks: environment, arguments,
working directory, session, files and signals of each are its own, and its lines do not count to the
coverage. Programs that begin from nothing are those of the launcher's tests, of tests/tasks and of
tests/browser.
"""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from storage.embedded_child import PR_SET_PDEATHSIG
from tests.support.untraced import untraced

ROOT = Path(__file__).parents[2]

LOADED = ("run", "server.serve", "tasks.worker", __name__)
FILES = 65_536

_context = multiprocessing.get_context("forkserver")


@atexit.register
def _kill_what_is_left() -> None:
    """Kill what tests that failed have left, stopped ones too: the library would wait for them."""
    for process in multiprocessing.active_children():
        process.kill()


class Program:
    """A program that runs, or ran."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    @classmethod
    def start(
        cls, command: Sequence[str], environment: Mapping[str, str], output: Path | None = None
    ) -> Program:
        """Start what `python` and `command` would: a file, or `-m` and a module; then arguments.

        What it prints is added to `output`, or goes where that of the tests goes.
        """
        if output is not None:
            output.touch()
        _begin_server()
        process = _context.Process(
            target=_run, args=(tuple(command), untraced(environment), output), daemon=True
        )
        process.start()
        return cls(process)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return its exit status, of one that was killed less than 0; None while it runs."""
        return self._process.exitcode

    def wait(self, within_s: float) -> int:
        """Return its exit status once it has ended. Raises TimeoutError."""
        self._process.join(within_s)
        if (status := self.poll()) is None:
            raise TimeoutError
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal if it still runs."""
        # It may have ended, and the fork server not have said so yet.
        with suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.send_signal(signal.SIGKILL)

    def end(self, *, within_s: float) -> int:
        """Ask it to stop, kill it after `within_s`, and return its exit status."""
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(within_s)
        except TimeoutError:
            self.kill()
            return self.wait(within_s)


def _begin_server() -> None:
    """Start the fork server, unless it runs."""
    _context.set_forkserver_preload(list(LOADED))
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - untraced(os.environ).keys():
            patch.delenv(name)
        forkserver.ensure_running()


def _run(command: tuple[str, ...], environment: Mapping[str, str], output: Path | None) -> None:
    """Be the program that `command` names, in the process that was forked for it."""
    # The tests' end is seen by the fork server, of whose life a file that is open here is a part.
    os.closerange(3, FILES)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if output is not None:
        printed = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(printed, sys.stdout.fileno())
        os.dup2(printed, sys.stderr.fileno())
        os.close(printed)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    if command[0] == "-m":
        sys.argv = list(command[1:])
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(command)
        runpy.run_path(command[0], run_name="__main__")
