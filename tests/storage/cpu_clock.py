"""How much of the processor a store has used, whatever else the machine is doing."""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorClient

    from storage.client import Document


class CpuClock:
    """The processor time of another process on this machine, in steps of a nanosecond."""

    def __init__(self, pid: int) -> None:
        clock_id = ctypes.c_int()
        # clock_getcpuclockid(3); /proc and psutil count in steps of 10 ms.
        status = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock_id))
        if status:
            raise OSError(status, os.strerror(status))
        self._clock_id = clock_id.value

    @classmethod
    async def of(cls, client: AsyncIOMotorClient[Document]) -> CpuClock:
        """Watch the store that `client` is connected to."""
        status = await client.admin.command("serverStatus")
        return cls(status["pid"])

    def seconds(self) -> float:
        return time.clock_gettime(self._clock_id)
