"""Keep the garbage collector from stopping the loop, and measure for how long it does.

A full collection looks at every container that is alive: with ten thousand connections that takes a
quarter of a second, in which nobody is served. So what has outlived a collection, but for that of
the youngest, is put aside (`gc.freeze`) and not looked at again: all that a connection keeps is
looked at once or twice, not three times. Connections, requests and actors refer to themselves
nowhere, so they are freed without the collector, put aside or not. Every few hours everything is
looked at all the same, in case something has made a cycle that lives long.
"""

from __future__ import annotations

import gc
import time
from contextlib import AsyncExitStack

from tornado.ioloop import PeriodicCallback

from actors.distribution import Distribution

THRESHOLDS = (10_000, 0, 0)
"""New containers before the young are looked at, and then the middle-aged and the old each in its
turn: of what has not been put aside that is 20,000 at most."""

WHOLE_EVERY_S = 6 * 3_600.0

YOUNGEST = 0
"""The generation that every collection looks at."""

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""From a look at the young to what clients notice."""


class GarbagePauses:
    """How long each collection has stopped the process."""

    def __init__(self) -> None:
        self.distribution = Distribution(BOUNDS_S)
        self._began_s = 0.0

    def note(self, phase: str, _about: dict[str, int]) -> None:
        """Take note of the start or the stop of a collection (`gc.callbacks`)."""
        now_s = time.perf_counter()
        if phase == "start":
            self._began_s = now_s
        else:
            self.distribution.observe(now_s - self._began_s)


def measure_garbage_pauses(stack: AsyncExitStack) -> Distribution:
    """Return what is measured from now on until `stack` is closed."""
    pauses = GarbagePauses()
    gc.callbacks.append(pauses.note)
    stack.callback(gc.callbacks.remove, pauses.note)
    return pauses.distribution


def put_survivors_aside(stack: AsyncExitStack) -> None:
    """Collect small and often until `stack` is closed; to be called when the process is up."""
    stack.callback(gc.set_threshold, *gc.get_threshold())
    stack.callback(gc.unfreeze)
    gc.callbacks.append(_put_aside)
    stack.callback(gc.callbacks.remove, _put_aside)
    gc.set_threshold(*THRESHOLDS)
    _look_at_everything()
    periodic = PeriodicCallback(_look_at_everything, WHOLE_EVERY_S * 1_000)
    periodic.start()
    stack.callback(periodic.stop)


def let_go(error: BaseException) -> None:
    """Forget where an error was raised that is among the locals there.

    Else it and the frames, and by them the request, are freed by the collector alone.
    """
    error.__traceback__ = None


def _put_aside(phase: str, about: dict[str, int]) -> None:
    if phase == "stop" and about["generation"] != YOUNGEST:
        gc.freeze()


def _look_at_everything() -> None:
    gc.unfreeze()
    gc.collect()
    # Python waits for a quarter of what the last full collection left; this one leaves nothing.
    gc.collect()
