"""Serve like `run.py serve`, and once told to, die by SIGKILL right after a step.

Run as `python -m tests.support.crashing`. The steps do what they always do. The first of a kind
that begins after its signal came is the last: when it is done the process is gone, as if
somebody had killed it at that moment.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from actors.directory import Directory
from actors.follow_ups import FollowUps
from config.logging import configure_logging
from config.settings import read_settings
from server.serve import run_server
from storage.businesses import BusinessesRepository
from storage.events import EventsRepository
from storage.idempotency_keys import IdempotencyKeys
from storage.notifications import NotificationsRepository
from storage.scheduled_sends import ScheduledSends
from storage.schedules import SchedulesRepository
from tasks.queue import DeliveryQueue

Step: TypeAlias = "tuple[type, Callable[..., Any]]"
"""A method, and whose it is."""

STEPS: dict[str, Step] = {
    "insert": (NotificationsRepository, NotificationsRepository.insert),
    "deliver": (Directory, Directory.deliver),
    "queue": (DeliveryQueue, DeliveryQueue.enqueue),
    "finish": (EventsRepository, EventsRepository.finish_all),
}
"""Of a fan-out to few."""

CURSOR = "cursor"
"""Where a fan-out to many is has been stored."""

ACCEPT = "accept"
"""Events are stored; whoever brought them has not been answered."""

NEWS = "news"
"""What followers are to be told of a business is stored; its profile is not."""

PROFILE = "profile"
"""A business's profile is stored; the event that said so is not finished."""

SHORTENED = "shortened"
"""A share of a fan-out is stored, and what is left to its owner is less by it."""

STEPS_OF_A_SEND: dict[str, Step] = {
    "key": (IdempotencyKeys, IdempotencyKeys.begin),
    ACCEPT: (EventsRepository, EventsRepository.accept),
    "insert": (NotificationsRepository, NotificationsRepository.insert),
    "queue": (DeliveryQueue, DeliveryQueue.enqueue),
    "finish": (EventsRepository, EventsRepository.finish_all),
    "keep": (IdempotencyKeys, IdempotencyKeys.keep),
}

STEPS_OF_A_SCHEDULE: dict[str, Step] = {
    "plan": (ScheduledSends, ScheduledSends.add),
    "claim": (SchedulesRepository, SchedulesRepository.claim),
    ACCEPT: (EventsRepository, EventsRepository.accept),
    "sent": (SchedulesRepository, SchedulesRepository.sent),
}

_METHODS: dict[str, Step] = {
    **STEPS,
    CURSOR: (EventsRepository, EventsRepository.advance),
    **STEPS_OF_A_SEND,
    **STEPS_OF_A_SCHEDULE,
    SHORTENED: (EventsRepository, EventsRepository.shorten),
    NEWS: (FollowUps, FollowUps.store),
    PROFILE: (BusinessesRepository, BusinessesRepository.apply),
}


def signal_of(step: str) -> int:
    """Return the signal from which on a process dies once `step` is done."""
    return signal.SIGRTMIN + list(_METHODS).index(step)


def die_when_told() -> None:
    """Have the process die once a step is done whose signal has come."""
    for step, (owner, method) in _METHODS.items():
        told = threading.Event()
        signal.signal(signal_of(step), partial(_tell, told))
        setattr(owner, method.__name__, _deadly(method, told))


def _tell(told: threading.Event, *_: object) -> None:
    told.set()


def _deadly(function: Callable[..., Any], told: threading.Event) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            is_last = told.is_set()
            result = await function(*args, **kwargs)
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        is_last = told.is_set()
        result = function(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


if __name__ == "__main__":
    settings = read_settings(os.environ)
    configure_logging(settings.log_format, settings.log_level)
    die_when_told()
    sys.exit(run_server(settings))
