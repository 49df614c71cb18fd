"""Serve like `run.py serve`, but die by SIGKILL right after one step of the first batch.

Run as `python -m tests.support.crashing STEP`. The steps do what they always do; only then is the
process gone, as if somebody had killed it at that moment.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from actors.directory import Directory
from actors.follow_ups import FollowUps
from config.logging import configure_logging
from config.settings import read_settings
from server.serve import run_server
from storage.businesses import BusinessesRepository
from storage.events import EventsRepository
from storage.notifications import NotificationsRepository
from tasks.queue import DeliveryQueue

STEPS: dict[str, tuple[type, str]] = {
    "insert": (NotificationsRepository, "insert"),
    "deliver": (Directory, "deliver"),
    "queue": (DeliveryQueue, "enqueue"),
    "cursor": (EventsRepository, "advance"),
}

ACCEPT = "accept"
"""Events are stored; whoever brought them has not been answered."""

NEWS = "news"
"""What followers are to be told of a business is stored; its profile is not."""

PROFILE = "profile"
"""A business's profile is stored; the event that said so is not finished."""

_OWNERS = {
    **STEPS,
    ACCEPT: (EventsRepository, "accept"),
    NEWS: (FollowUps, "store"),
    PROFILE: (BusinessesRepository, "apply"),
}


def die_after(step: str) -> None:
    """Have the process die once `step` of a batch is done."""
    owner, name = _OWNERS[step]
    setattr(owner, name, _deadly(getattr(owner, name)))


def _deadly(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> None:
            await function(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return called


if __name__ == "__main__":
    settings = read_settings(os.environ)
    configure_logging(settings.log_format, settings.log_level)
    die_after(sys.argv[1])
    sys.exit(run_server(settings))
