"""What users' actors and those who tell them something need of the bus (actors/bus.py).

Apart from it, because it is built of actors that know the users' actors.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from actors.frames import RowsAnnounced
from actors.parcels import Parcel


class BusFace(Protocol):
    """The bus. Nothing here raises because Redis is away."""

    @property
    def is_alone(self) -> bool:
        """Whether there is surely no other process."""

    @property
    def caught_up(self) -> int | None:
        """How often all was known here that others had told; None while some may be missing."""

    async def register(self, user_id: UUID) -> None:
        """Return when what others announce to `user_id` comes here, or somebody looks for it."""

    async def connected(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return those of `user_ids` who are connected to any process, as far as Redis can tell."""

    async def announce(self, announcements: Sequence[RowsAnnounced]) -> bool:
        """Announce to users elsewhere; tell whether all of it is on its way, in order."""

    def send(self, parcel: Parcel) -> None:
        """Send to the user's connections on other processes, with no need to know when."""
