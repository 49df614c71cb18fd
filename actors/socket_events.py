"""Send what happened to the sockets of users: frames that no row stands behind.

Such a frame is seen at most once: it is sent after its event is finished, and who is not connected
then is not told of it later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from actors.bus_face import BusFace
from actors.directory import Directory
from actors.parcels import Shown


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """A frame, UTF-8 JSON, for every connection of one user."""

    user_id: UUID
    frame: bytes


class SocketEvents:
    """Sends frames to users, wherever they are connected."""

    def __init__(self, directory: Directory, bus: BusFace) -> None:
        self._directory = directory
        self._bus = bus

    def may_reach(self, user_id: UUID) -> bool:
        """Tell whether `user_id` may be connected anywhere; false only when surely not."""
        return self._directory.find(user_id) is not None or not self._bus.is_alone

    async def reachable(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return those of `user_ids` who are connected anywhere."""
        here = {user_id for user_id in user_ids if self._directory.find(user_id) is not None}
        away = [user_id for user_id in user_ids if user_id not in here]
        return here | await self._bus.connected(away) if away else here

    async def send(self, user_id: UUID, frame: bytes) -> None:
        """Send `frame` to every connection of `user_id`."""
        await self.send_all([SocketEvent(user_id, frame)])

    async def send_all(self, events: Iterable[SocketEvent]) -> None:
        """Send each frame to its user, in the order given; it raises nothing."""
        for event in events:
            self._directory.show(event.user_id, event.frame)
            self._bus.send(Shown(event.user_id, event.frame))
