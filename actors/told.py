"""What the connections of one user have been told, so that nothing is told twice."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from secrets import randbits
from typing import TypeVar
from uuid import UUID

from actors.attachment import Attachment
from actors.inbox_change import InboxChange, SeveralRead
from actors.messages import Deliver
from storage.positions import EPOCH

REMEMBERED = 256
"""Ids kept to drop repeats: a resumed batch announces again what was announced before a kill."""

VERSION_BITS = 63
"""So many that what begins anywhere is that of no other actor."""

K = TypeVar("K")
V = TypeVar("V")


class Told:
    """The last announcements and changes, each in the order in which it was told.

    Notifications are known by the bytes of their ids: Python hashes and compares UUIDs itself.
    """

    def __init__(self) -> None:
        self._announced: OrderedDict[bytes, int] = OrderedDict()
        self._sequence = 0
        self._changes: OrderedDict[InboxChange, None] = OrderedDict()
        self._visible: frozenset[bytes] = frozenset()
        self._since: datetime | None = None
        self._read_by = EPOCH
        self.version = randbits(VERSION_BITS)
        """Another one after whatever was told, or may have changed what the inbox lists."""

    @property
    def has_begun(self) -> bool:
        """Whether it is known what was there before anything was told."""
        return self._since is not None

    @property
    def next_sequence(self) -> int:
        """The number of the next announcement."""
        return self._sequence + 1

    def begin(self, visible: frozenset[bytes], since: datetime, read_by: datetime) -> None:
        """Take note that of the rows positioned from `since` on these were there, and unread.

        Any that had been read by `read_by` was there, too; any that was read later is among them,
        but for what was read within CLOCKS_APART before the count (actors/kept_count.py).
        """
        self._visible = visible
        self._since = since
        self._read_by = read_by

    def has(self, id_bytes: bytes) -> bool:
        """Tell whether it was announced."""
        return id_bytes in self._announced

    def announce(self, id_bytes: bytes) -> None:
        """Remember that it is announced now."""
        self._sequence += 1
        self.outdate()
        _keep(self._announced, id_bytes, self._sequence)

    def is_news(self, message: Deliver) -> bool:
        """Tell whether a row found in the store was neither announced nor there from the first."""
        if self._since is None or message.created_at < self._since:
            return False
        had_been_read = message.read_at is not None and message.read_at <= self._read_by
        id_bytes = message.notification_id.bytes
        return (
            not had_been_read and id_bytes not in self._visible and id_bytes not in self._announced
        )

    def has_change(self, change: InboxChange) -> bool:
        """Tell whether it was told; of several read at once that cannot be known."""
        return change in self._changes

    def change(self, change: InboxChange) -> None:
        """Remember that it is told now."""
        self.outdate()
        if not isinstance(change, SeveralRead):
            _keep(self._changes, change, None)

    def outdate(self) -> None:
        """Take what the inbox lists for changed."""
        self.version = (self.version + 1) % (1 << VERSION_BITS)

    def sent_on(self, attached: Attachment) -> frozenset[UUID]:
        """Return the ids that are known to have been sent on a connection."""
        announced = frozenset(
            UUID(bytes=id_bytes)
            for id_bytes, sequence in self._announced.items()
            if sequence >= attached.first_sequence
        )
        return attached.known | (announced - attached.held_ids)


def _keep(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
