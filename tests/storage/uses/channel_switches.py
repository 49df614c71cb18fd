"""Uses of the switches of whole channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.channel_switches import ChannelSwitches
from tests.storage.filled.asked import OWNER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from storage.stores import Stores


def switch(*, is_paused: bool) -> Use:
    async def run(stores: Stores) -> bool:
        found = await stores.channels.switch("email", is_paused=is_paused, by=OWNER, at=NOON)
        return found.is_paused is is_paused

    return Use(ChannelSwitches.switch, run)


USES = [
    Use(ChannelSwitches.all, lambda stores: counted(stores.channels.all())),
    switch(is_paused=True),
    switch(is_paused=False),
]
