"""Uses of the heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.processes import ProcessesRepository
from tests.storage.samples import OURS
from tests.storage.uses.use import Use, is_found

if TYPE_CHECKING:
    from storage.stores import Stores


async def beat(stores: Stores) -> None:
    await stores.processes.beat(await stores.processes.register("there", "server"))


async def remove(stores: Stores) -> None:
    await stores.processes.remove(await stores.processes.register("there", "server"))


USES = [
    Use(
        ProcessesRepository.register,
        lambda stores: is_found(stores.processes.register("here", "server")),
    ),
    Use(ProcessesRepository.beat, beat),
    Use(ProcessesRepository.remove, remove),
    Use(
        ProcessesRepository.is_running,
        lambda stores: is_found(stores.processes.is_running(OURS)),
    ),
]

# Each goes by all that there is, a row a process.
WITHOUT_USE = {ProcessesRepository.list, ProcessesRepository.is_first}
