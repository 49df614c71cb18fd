"""What is written of deliveries that have ended or are put off: many of them by one update.

On the embedded store an update costs more than the row that it changes, and a real one has fewer
round trips; so what differs from row to row is looked up in the update itself, by the row's id.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rules.deliveries import ENDED, DeliveryStatus
from storage.filing import HEADING_OF_WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from rules.deliveries import Settled

CLAIM_FIELDS = ("claim", "owner", "epoch", "claimed_at")
"""What a claim has written."""

_GONE = (*CLAIM_FIELDS, "reason", "due_at", "attention")
"""What is of no use any more, where an entry does not say it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is written of one held delivery; `attempt` is the place of the attempt that ended."""

    ref: tuple[UUID, UUID]
    """(recipient, notification)."""

    stands: Settled
    at: datetime
    attempt: int | None = None
    error: str | None = None
    is_uncertain: bool = False
    is_forgiven: bool = False
    """Nothing left this process: the attempt does not count to the most there may be."""

    provider_message_id: str | None = None
    devices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def alike(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield `entries` in lists of which each is written by one update."""
    by_shape: defaultdict[tuple[bool, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_shape[entry.attempt is not None, bool(entry.devices), entry.is_forgiven].append(entry)
    yield from by_shape.values()


def written(channel: str, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the update that writes `entries`, which are alike, each into the row it names."""
    state = f"channels.{channel}"
    ids = [notification_id for _, notification_id in (entry.ref for entry in entries)]
    entry = {
        "$arrayElemAt": [
            # Literals, because what providers say may begin with "$".
            {"$literal": [_said(each) for each in entries]},
            {"$indexOfArray": [{"$literal": ids}, "$_id"]},
        ]
    }
    stands = {"$mergeObjects": [f"${state}", "$$entry.known", _changes(state, entries[0])]}
    return [
        {"$unset": [f"{state}.{name}" for name in _GONE]},
        {"$set": {state: {"$let": {"vars": {"entry": entry}, "in": stands}}}},
    ]


def _said(entry: Entry) -> dict[str, Any]:
    """Return what `written` looks up of one entry; what it does not say is absent."""
    stands = entry.stands
    has_ended = stands.status in ENDED
    known = {
        "status": stands.status,
        "reason": stands.reason,
        "due_at": stands.due_at,
        "attention": stands.wants_operator or None,
        "sent_at": entry.at if stands.status is DeliveryStatus.SENT else None,
        "provider_message_id": entry.provider_message_id,
        "last_error": entry.error,
    }
    ended = {
        "ended_at": entry.at,
        "error": entry.error,
        "uncertain": entry.is_uncertain or None,
        # Feedback may come after a retry, and has to find whose it is.
        "provider_message_id": entry.provider_message_id,
    }
    said = {
        "known": _present(known),
        "ended": _present(ended),
        "attempt": entry.attempt,
        "devices": entry.devices,
        "under": stands.status if has_ended else None,
    }
    return _present(said)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _changes(state: str, entry: Entry) -> dict[str, Any]:
    """Return what is computed from a row and its `$$entry`, for entries like this one."""
    changes: dict[str, Any] = {
        "filed": {
            "under": {"$ifNull": ["$$entry.under", HEADING_OF_WAITING]},
            "at": {"$ifNull": ["$$entry.known.due_at", "$created_at"]},
        }
    }
    if entry.attempt is not None:
        attempt = {"$arrayElemAt": [f"${state}.attempts", "$$place"]}
        changes["attempts"] = {
            "$map": {
                "input": {"$range": [0, {"$size": f"${state}.attempts"}]},
                "as": "place",
                "in": {
                    "$cond": [
                        {"$eq": ["$$place", "$$entry.attempt"]},
                        {"$mergeObjects": [attempt, "$$entry.ended"]},
                        attempt,
                    ]
                },
            }
        }
    if entry.devices:
        changes["devices"] = {"$mergeObjects": [f"${state}.devices", "$$entry.devices"]}
    if entry.is_forgiven:
        changes["forgiven"] = {"$add": [{"$ifNull": [f"${state}.forgiven", 0]}, 1]}
    return changes
