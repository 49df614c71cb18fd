"""The actor that has what concerns the users who are here sent here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.directory import Directory
from storage.collection import portions
from storage.redis import RedisUnavailable
from storage.registrations import REGISTERED_FOR_S, Registrations

REFRESH_EVERY_S = REGISTERED_FOR_S / 3

USERS_AT_ONCE = 2_000
"""Of a refresh, in one round trip: about 20 ms of Redis."""


@dataclass(frozen=True, slots=True)
class Register:
    """Register a user. Asked; from the reply on, what others announce comes here."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class Forget:
    """Let a user go who may have left."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class RegisterAll:
    """Register everybody who is here, anew or again. Asked or told."""


Registering: TypeAlias = Register | Forget | RegisterAll


class BusRegistrar(BatchActor[Registering]):
    """Keeps the registrations of the users who are here: all that wait, by one round trip.

    `on_missed` is called when one could not be made: then somebody has to look for what they
    missed. Whoever asked goes on without.
    """

    batch_limit = 1_000

    def __init__(
        self,
        *,
        registrations: Registrations,
        directory: Directory,
        process: str,
        on_missed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._registrations = registrations
        self._directory = directory
        self._process = process
        self._on_missed = on_missed

    async def on_receive_many(self, messages: Sequence[Asked[Registering]]) -> None:
        """Remove who has left, add who has come, and answer."""
        try:
            await self._carry_out([asked.message for asked in messages])
        except RedisUnavailable:
            self._on_missed()
        for asked in messages:
            if asked.is_asked:
                asked.reply()

    async def _carry_out(self, messages: Sequence[Registering]) -> None:
        arriving = {each.user_id for each in messages if isinstance(each, Register)}
        leaving = {each.user_id for each in messages if isinstance(each, Forget)} - arriving
        # Who left and came back has been, or is about to be, registered by another actor.
        gone = {user_id for user_id in leaving if self._directory.find(user_id) is None}
        await self._registrations.remove(self._process, gone)
        if any(isinstance(each, RegisterAll) for each in messages):
            arriving |= set(self._directory.user_ids())
        for some in portions(arriving, USERS_AT_ONCE):
            await self._registrations.add(self._process, some)
