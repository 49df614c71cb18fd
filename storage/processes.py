"""The processes of the service: their heartbeats and incarnations.

    {_id: instance, kind: server|worker, epoch, beat, beaten_at, host, pid, started_at, stopped_at,
     channels: {<channel>: {circuit, succeeded, failed}}}

A row outlives its process by a month, so that the epochs of an instance do not begin again while
anything remembers them. Errors: `Superseded`.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from rules.channel_health import ChannelHealth
from rules.lease import Lease
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

NONE: Mapping[str, ChannelHealth] = MappingProxyType({})

ProcessKind = Literal["server", "worker"]


class Superseded(Exception):
    """Another incarnation of this instance runs, or it was taken for dead."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"{lease} is not the running incarnation")
        self.lease = lease


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """One process; `beat` rises as long as it lives."""

    lease: Lease
    kind: ProcessKind
    beat: int
    host: str
    pid: int
    started_at: datetime
    beaten_at: datetime
    """By the store's clock; the start while there was no beat."""

    channels: Mapping[str, ChannelHealth] = field(default_factory=dict)
    """Of workers: how each channel is."""


class ProcessesRepository:
    """The collection `processes`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._processes = StoreCollection(database["processes"])

    async def register(self, instance: str, kind: ProcessKind) -> Lease:
        """Begin a new incarnation of `instance`; those before it are fenced off."""
        while True:
            await self._processes.insert_if_absent({"_id": instance}, {"epoch": 0})
            row = await self._processes.find_one({"_id": instance}, {"epoch": 1})
            before = row["epoch"] if row else 0
            lease = Lease(instance, before + 1)
            if await self._processes.update_one(
                {"_id": instance, "epoch": before},
                {
                    "$set": {
                        "epoch": lease.epoch,
                        "kind": kind,
                        "beat": 0,
                        "host": socket.gethostname(),
                        "pid": os.getpid(),
                    },
                    "$currentDate": {"started_at": True, "beaten_at": True},
                    "$unset": {"stopped_at": "", "channels": ""},
                },
            ):
                return lease

    async def beat(self, lease: Lease, channels: Mapping[str, ChannelHealth] = NONE) -> None:
        """Show that the process lives, and how its channels are, if it has any.

        Raises Superseded when it is not to go on.
        """
        health = {f"channels.{channel}": asdict(each) for channel, each in channels.items()}
        shown: dict[str, Any] = {"$inc": {"beat": 1}, "$currentDate": {"beaten_at": True}}
        if health:
            shown["$set"] = health
        if not await self._processes.update_one(_running(lease), shown):
            raise Superseded(lease)

    async def is_running(self, lease: Lease) -> bool:
        """Tell whether no later incarnation has begun and nobody saw this one end."""
        return await self._processes.find_one(_running(lease), {"_id": 1}) is not None

    async def is_first(self, lease: Lease) -> bool:
        """Tell whether nobody served before, as long as rows outlive their processes."""
        servers = await self._processes.find({"kind": "server"}, {"epoch": 1})
        return lease.epoch == 1 and [row["_id"] for row in servers] == [lease.owner]

    async def remove(self, lease: Lease) -> None:
        """Take the process off the list, by itself or by who saw it dead."""
        await self._processes.update_one(_running(lease), {"$currentDate": {"stopped_at": True}})

    async def list(self) -> Sequence[ProcessRow]:
        """Return the processes that were registered and not removed."""
        return [
            ProcessRow(
                lease=Lease(row["_id"], row["epoch"]),
                kind=row["kind"],
                beat=row["beat"],
                host=row["host"],
                pid=row["pid"],
                started_at=row["started_at"],
                beaten_at=row["beaten_at"] if "beaten_at" in row else row["started_at"],
                channels={
                    channel: ChannelHealth(**each)
                    for channel, each in row.get("channels", {}).items()
                },
            )
            for row in await self._processes.find({})
            if "stopped_at" not in row
        ]


def _running(lease: Lease) -> dict[str, object]:
    return {"_id": lease.owner, "epoch": lease.epoch, "stopped_at": None}
