"""Know which channels operators have paused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rules.kinds import Channel
    from storage.channel_switches import ChannelSwitches

GOOD_FOR_S = 1.0
"""How late a worker may learn of a pause; asked for every delivery, it is one query a second."""


class ChannelPaused(Exception):
    """Nothing is sent on the channel now; what is queued waits."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel.value)
        self.channel = channel


class Pauses:
    """The switches of the channels as this worker last saw them."""

    def __init__(
        self, switches: ChannelSwitches, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._switches = switches
        self._clock = clock
        self._paused: frozenset[str] = frozenset()
        self._seen_at_s = float("-inf")

    async def check(self, channel: Channel) -> None:
        """Raise ChannelPaused when the channel is. Raises StoreUnavailable."""
        now_s = self._clock()
        if now_s - self._seen_at_s >= GOOD_FOR_S:
            switches = await self._switches.all()
            self._paused = frozenset(name for name, each in switches.items() if each.is_paused)
            self._seen_at_s = now_s
        if channel.value in self._paused:
            raise ChannelPaused(channel)
