"""What a process counts of its work: plain numbers, which `server/metrics.py` shows.

To count something more, add a field here, pass the tally to the part that knows, and add one to it;
it is on `/metrics` then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from actors.distribution import Distribution

LATE_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3_600.0)
"""From a look in time to an outage."""


def _number(words: str) -> Any:
    return field(default=0, metadata={"words": words})


@dataclass(slots=True)
class Tally:
    """Counts since the process began; each field is a counter of its own, some by labels."""

    events_accepted: int = _number("Events made durable here")
    events_repeated: int = _number("Events given again that were durable already")
    fan_out_batches: int = _number("Batches of recipients told of one event")
    fan_out_recipients: int = _number("Recipients of those batches, whatever came to them")
    schedules_planned: int = _number("Events planned for later, or planned anew")
    schedules_withdrawn: int = _number("Planned events withdrawn before their time")
    schedules_late: Distribution = field(
        default_factory=partial(Distribution, LATE_BOUNDS_S),
        metadata={"words": "How late planned events became events; 5 s are allowed"},
    )
    frames_sent: int = _number("Frames written to sockets")
    sockets_refused: int = _number("Sockets refused because too many were here or coming in")
    provider_feedback: Counter[tuple[str, str]] = field(
        default_factory=Counter,
        metadata={
            "words": "What providers told of messages, by provider and what became of it",
            "labels": ("provider", "outcome"),
        },
    )
    sockets_closed: Counter[str] = field(
        default_factory=Counter,
        metadata={
            "words": "Sockets ended, by close code; `cut` without one, `client` by the client",
            "labels": ("code",),
        },
    )
