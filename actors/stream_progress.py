"""How far this process has read its stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from math import inf
from typing import NamedTuple

from storage.bus_streams import NONE


class _Waiting(NamedTuple):
    number: int
    then: Callable[[bool], None]
    timer: asyncio.TimerHandle


class StreamProgress:
    """Has those called who wait until an entry is handed on to whom it concerns."""

    def __init__(self) -> None:
        self.taken = NONE
        """The number of the last entry that was taken in hand."""

        self.read_at_s = -inf
        """When the last read was begun, by the monotonic clock, of which all is handed on and which
        had all that there was."""

        self._handed_on = NONE
        self._waiting: dict[int, _Waiting] = {}
        """No more than others may have pending, and none for longer than it has said."""
        self._serials = count()

    def take(self, number: int) -> None:
        """Take note that an entry is being handed on."""
        self.taken = number

    def hand_on(self) -> None:
        """Take note that all that was taken in hand is handed on, or is not to be."""
        self._handed_on = self.taken
        for serial, waiting in list(self._waiting.items()):
            if waiting.number <= self._handed_on:
                self._settle(serial, is_handed_on=True)

    def when_handed_on(self, number: int, then: Callable[[bool], None], *, within_s: float) -> None:
        """Call `then`, now or once entry `number` is handed on; with False after `within_s`."""
        if number <= self._handed_on:
            then(True)
            return
        serial = next(self._serials)
        timer = asyncio.get_running_loop().call_later(within_s, self._give_up, serial)
        self._waiting[serial] = _Waiting(number, then, timer)

    def give_up(self) -> None:
        """Have nobody wait any longer."""
        for serial in list(self._waiting):
            self._give_up(serial)

    def _give_up(self, serial: int) -> None:
        self._settle(serial, is_handed_on=False)

    def _settle(self, serial: int, *, is_handed_on: bool) -> None:
        waiting = self._waiting.pop(serial)
        waiting.timer.cancel()
        waiting.then(is_handed_on)
