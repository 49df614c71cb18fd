"""Serve like `run.py serve`, but die by SIGKILL right after one step, when it is first done.

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
from storage.idempotency_keys import IdempotencyKeys
from storage.notifications import NotificationsRepository
from storage.schedules import SchedulesRepository
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

STEPS_OF_A_SEND: dict[str, tuple[type, str]] = {
    "key": (IdempotencyKeys, "begin"),
    ACCEPT: (EventsRepository, "accept"),
    "insert": (NotificationsRepository, "insert"),
    "queue": (DeliveryQueue, "enqueue"),
    "finish": (EventsRepository, "finish_all"),
    "keep": (IdempotencyKeys, "keep"),
}

STEPS_OF_A_SCHEDULE: dict[str, tuple[type, str]] = {
    "plan": (SchedulesRepository, "add"),
    "claim": (SchedulesRepository, "claim"),
    ACCEPT: (EventsRepository, "accept"),
    "sent": (SchedulesRepository, "sent"),
}

_OWNERS = {
    **STEPS,
    **STEPS_OF_A_SEND,
    **STEPS_OF_A_SCHEDULE,
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
