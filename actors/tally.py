"""What a process counts of its work: plain numbers, which `server/metrics.py` shows.

To count something more, add a field here, pass the tally to the part that knows, and add one to it;
it is on `/metrics` then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


def _number(words: str) -> Any:
    return field(default=0, metadata={"words": words})


@dataclass(slots=True)
class Tally:
    """Counts since the process began; each field is a counter of its own, some by a label."""

    events_accepted: int = _number("Events made durable here")
    events_repeated: int = _number("Events given again that were durable already")
    fan_out_batches: int = _number("Batches of recipients told of one event")
    fan_out_recipients: int = _number("Recipients of those batches, whatever came to them")
    frames_sent: int = _number("Frames written to sockets")
    sockets_closed: Counter[str] = field(
        default_factory=Counter,
        metadata={
            "words": "Sockets ended, by close code; `cut` without one, `client` by the client",
            "label": "code",
        },
    )
