"""Which channels operators have paused: a row for each that ever was.

    {_id: email|push|sms, is_paused, by, at}

`by` and `at` tell of the last change. A pause that is asked for again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.deliveries import SENDING_CHANNELS
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


@dataclass(frozen=True, slots=True)
class ChannelSwitch:
    """How one channel is switched; `by` and `at` are None where nobody ever touched it."""

    channel: str
    is_paused: bool = False
    by: UUID | None = None
    at: datetime | None = None


class ChannelSwitches:
    """The collection `channels`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._channels = StoreCollection(database["channels"])

    async def switch(
        self, channel: str, *, is_paused: bool, by: UUID, at: datetime
    ) -> ChannelSwitch:
        """Pause or resume `channel`, and return how it stands."""
        await self._channels.insert_if_absent({"_id": channel}, {"is_paused": False})
        await self._channels.update_one(
            {"_id": channel, "is_paused": not is_paused},
            {"$set": {"is_paused": is_paused, "by": by, "at": at}},
        )
        return (await self.all())[channel]

    async def all(self) -> dict[str, ChannelSwitch]:
        """Return the switches of all channels, by channel."""
        untouched = {channel.value: ChannelSwitch(channel.value) for channel in SENDING_CHANNELS}
        return untouched | {
            row["_id"]: ChannelSwitch(row["_id"], row["is_paused"], row.get("by"), row.get("at"))
            for row in await self._channels.find({"_id": {"$in": list(SENDING_CHANNELS)}})
        }
