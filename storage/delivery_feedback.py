"""What providers tell of deliveries, written into the state of the channel.

    channels.<channel>.feedback: [{event, at, provider_message_id, error}]

Each event of a message is kept once, so what is told again changes nothing. What settles a delivery
takes it from its worker, by whose claim all that the worker still writes is guarded: the provider
knows better.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rules.deliveries import DeliveryStatus
from rules.feedback import KnownAttempt, Standing, attempt_of, settled_by
from rules.kinds import Channel
from storage.collection import StoreCollection
from storage.deliveries import claim_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.feedback import Feedback
    from storage.client import Document

MOST_KEPT = 50
"""Of one delivery: seven events of seven messages. Beyond it only what settles is heard."""

FOUND_BY_MESSAGE = frozenset({Channel.SMS})
"""Where the provider's id of a message is indexed: there are few SMS, and many emails."""

TRIES = 5
"""Each is lost to somebody who wrote of the same delivery in the same moment."""


class Taken(StrEnum):
    """What became of feedback."""

    SETTLED = "settled"
    """The delivery stands elsewhere now."""
    RECORDED = "recorded"
    REPEATED = "repeated"
    UNMATCHED = "unmatched"
    """It is of no message that is known here."""


class FeedbackContended(Exception):
    """Others kept writing of the delivery; it may be told again."""

    def __init__(self, told_of: Addressed) -> None:
        super().__init__(f"{told_of.channel} of {told_of.notification_id} changes too quickly")
        self.told_of = told_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Which delivery a provider tells of, as far as it says."""

    channel: str
    notification_id: UUID | None = None
    """Without it an SMS is found by its message, and an email not at all."""

    recipient_id: UUID | None = None
    """The shard key: without it all shards are asked."""


class DeliveryFeedback:
    """The field `channels` of the collection `notifications`, for providers."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def recipient_of(self, told_of: Addressed, feedback: Feedback) -> UUID | None:
        """Return whose delivery it is, None when there is none."""
        found = await self._find(told_of, feedback)
        return None if found is None else found["recipient_id"]

    async def take_in(self, told_of: Addressed, feedback: Feedback, *, at: datetime) -> Taken:
        """Write `feedback`, at `at`, and settle the delivery by it. Raises FeedbackContended."""
        for _ in range(TRIES):
            found = await self._find(told_of, feedback)
            if found is None:
                return Taken.UNMATCHED
            state = found["channels"][told_of.channel]
            standing = _standing(state)
            place = attempt_of(feedback, standing)
            if place is None:
                return Taken.UNMATCHED
            if _is_known(state, feedback):
                return Taken.REPEATED
            status = settled_by(feedback, place, standing)
            if status is None and len(state.get("feedback", ())) >= MOST_KEPT:
                return Taken.REPEATED
            name = f"channels.{told_of.channel}"
            update = _update(name, feedback, place, standing, status, at, found["created_at"])
            if await self._rows.update_one(_unchanged(name, found, state), update):
                return Taken.RECORDED if status is None else Taken.SETTLED
        raise FeedbackContended(told_of)

    async def _find(self, told_of: Addressed, feedback: Feedback) -> Document | None:
        state = f"channels.{told_of.channel}"
        query: dict[str, Any] = {"_id": told_of.notification_id}
        if told_of.notification_id is None:
            if told_of.channel not in FOUND_BY_MESSAGE:
                return None
            query = {f"{state}.provider_message_id": feedback.provider_message_id}
        elif told_of.recipient_id is not None:
            query["recipient_id"] = told_of.recipient_id
        found = await self._rows.find_one(query, {"recipient_id": 1, "created_at": 1, state: 1})
        if found is None or told_of.channel not in found.get("channels", {}):
            return None
        return found


def _standing(state: Mapping[str, Any]) -> Standing:
    return Standing(
        status=DeliveryStatus(state["status"]),
        attempts=[
            KnownAttempt(
                at=attempt["at"],
                has_ended="ended_at" in attempt,
                is_uncertain=attempt.get("uncertain", False),
                provider_message_id=attempt.get("provider_message_id"),
            )
            for attempt in state.get("attempts", ())
        ],
        forgiven=state.get("forgiven", 0),
        provider_message_id=state.get("provider_message_id"),
    )


def _is_known(state: Mapping[str, Any], feedback: Feedback) -> bool:
    told = (feedback.event, feedback.provider_message_id)
    return any(
        (each["event"], each["provider_message_id"]) == told for each in state.get("feedback", ())
    )


def _unchanged(name: str, found: Document, state: Mapping[str, Any]) -> dict[str, Any]:
    """Match the delivery as it was read: nobody began, ended or settled anything since."""
    same = {
        f"{name}.{field}": state.get(field, {"$exists": False})
        for field in ("status", "claim", "provider_message_id", "attempts", "feedback")
    }
    return {"_id": found["_id"], "recipient_id": found["recipient_id"], **same}


def _update(
    name: str,
    feedback: Feedback,
    place: int,
    standing: Standing,
    status: DeliveryStatus | None,
    at: datetime,
    created_at: datetime,
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "event": feedback.event,
        "at": feedback.at,
        "provider_message_id": feedback.provider_message_id,
    }
    if feedback.error is not None:
        entry["error"] = feedback.error
    attempt = f"{name}.attempts.{place}"
    known: dict[str, Any] = {f"{attempt}.provider_message_id": feedback.provider_message_id}
    update: dict[str, Any] = {"$set": known, "$push": {f"{name}.feedback": entry}}
    if status is None:
        return update
    known |= {
        f"{name}.status": status,
        f"{name}.filed": {"under": status, "at": created_at},
        f"{name}.provider_message_id": feedback.provider_message_id,
    }
    if standing.provider_message_id != feedback.provider_message_id:
        known[f"{name}.sent_at"] = standing.attempts[place].at
    if not standing.attempts[place].has_ended:
        known[f"{attempt}.ended_at"] = at
    if feedback.error is not None:
        known[f"{name}.last_error"] = feedback.error
    gone = {f"{name}.due_at": "", **claim_of(name)}
    optional = {
        "reason": feedback.reason,
        "attention": status is DeliveryStatus.FAILED or None,
    }
    for field, value in optional.items():
        if value is None:
            gone[f"{name}.{field}"] = ""
        else:
            known[f"{name}.{field}"] = value
    return update | {"$unset": gone}
