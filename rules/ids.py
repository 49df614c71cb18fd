"""Derive the ids that must come out the same when work is done again.

Carrying out an event a second time, after a crash or a duplicate, has to produce the same rows;
so the identity of a row is a function of its cause and never of a random number.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def event_key(sender: UUID, event_id: str) -> UUID:
    """Return the key under which `sender`'s event `event_id` is stored (contract section 3)."""
    return _hashed(b"event", sender.bytes, event_id.encode())


def idempotency_key_id(sender: UUID, key: str) -> UUID:
    """Return the id under which `sender`'s `Idempotency-Key` is remembered."""
    return _hashed(b"idempotency key", sender.bytes, key.encode())


def request_key(work_id: UUID) -> UUID:
    """Return the key of the event that a direct send is, however often it is tried."""
    return _hashed(b"request", work_id.bytes)


def campaign_key(campaign_id: UUID, revision: int) -> UUID:
    """Return the key of what comes of a campaign's change number `revision`."""
    return _hashed(b"campaign change", campaign_id.bytes, str(revision).encode())


def campaign_cause(campaign_id: UUID) -> UUID:
    """Return what the notifications of a campaign come of, however often it goes on."""
    return _hashed(b"campaign", campaign_id.bytes)


def follow_id(business_id: UUID, user_id: UUID) -> UUID:
    """Return the id of the one row that ties `user_id` to `business_id`."""
    return _hashed(b"follow", business_id.bytes, user_id.bytes)


def interest_id(listing_id: str, user_id: UUID) -> UUID:
    """Return the id of the one row that says of `user_id`'s interest in a listing."""
    return _hashed(b"interest", listing_id.encode(), user_id.bytes)


def schedule_id(purpose: str, subject_id: str) -> UUID:
    """Return the id of the one schedule that there is for `purpose` about a subject."""
    return _hashed(b"schedule", purpose.encode(), subject_id.encode())


def status_key(subject: str, subject_id: str) -> UUID:
    """Return the key under which it is kept when a subject's status last changed."""
    return _hashed(b"status", subject.encode(), subject_id.encode())


def digest_key(monday: date, timezone: str | None = None) -> UUID:
    """Return the key of the event by which the digest of a week is due in a time zone.

    Without one, of what all digests of the week come from: whoever changes zones gets no second.
    """
    return _hashed(b"digest", monday.isoformat().encode(), (timezone or "").encode())


def notification_id(event: UUID, kind: str, recipient_id: UUID, accepted_at: datetime) -> UUID:
    """Return the id of the notification that `event` makes for `recipient_id`."""
    return NotificationIds(event, kind, accepted_at).of(recipient_id)


class NotificationIds:
    """The ids of the notifications that one cause makes, a recipient each.

    UUIDv7 layout (RFC 9562 §5.7): the time is the event's acceptance, the random bits are a hash
    of the cause. It is identity only; order is the row's position (storage/positions.py).
    """

    def __init__(self, event: UUID, kind: str, accepted_at: datetime) -> None:
        self._time = ((accepted_at - _EPOCH) // _MILLISECOND) << 80
        # A fan-out asks for thousands: what they share is hashed once.
        self._cause = _state(b"notification", event.bytes, kind.encode())

    def of(self, recipient_id: UUID) -> UUID:
        """Return the id of the notification for `recipient_id`."""
        state = self._cause.copy()
        _add(state, recipient_id.bytes)
        bits = int.from_bytes(state.digest(), "big") & ((1 << 80) - 1)
        return _labelled(self._time | bits, version=7)


def _hashed(*parts: bytes) -> UUID:
    """Return a UUID that is a hash of `parts` (RFC 9562 §5.8, version 8)."""
    return _labelled(_hash(*parts), version=8)


def _labelled(value: int, *, version: int) -> UUID:
    """Return the UUID of `value` with the version and variant bits set (RFC 9562 §4)."""
    value &= ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=value | (version << 76) | (0b10 << 62))


def _hash(*parts: bytes) -> int:
    """Hash `parts` to 128 bits, so that no two different lists of parts share an input."""
    return int.from_bytes(_state(*parts).digest(), "big")


def _state(*parts: bytes) -> blake2b:
    state = blake2b(digest_size=16)
    for part in parts:
        _add(state, part)
    return state


def _add(state: blake2b, part: bytes) -> None:
    state.update(len(part).to_bytes(4, "big") + part)
