"""Who is connected to this process and to no other, so that no other need be told of them.

It is known without asking: a process to which somebody comes tells those that have them already,
and does not read the store for them until these have heard of it, or can no longer rely on what
they know (actors/newcomers.py). This process cannot as soon as others may take it to be gone, or it
does not read what they tell it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from math import inf
from uuid import UUID

from actors.stream_progress import StreamProgress
from storage.registrations import REGISTERED_FOR_S, Registered

RELIED_ON_FOR_S = 3.0
"""From when this process last showed itself, which is below the time for which it then counts as
there (storage/bus_members.py), and from when it asked for what it last read: a read may wait a
second."""

TRUE_FOR_S = REGISTERED_FOR_S / 2
"""From when somebody was registered: above the time after which they are again."""


class OnlyHere:
    """The users of whom no other process need be told, as long as that can be relied on."""

    def __init__(
        self, stream: StreamProgress, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._timer = timer
        self._is_kept = False
        self._shown_at_s = -inf
        self._is_relied_on = False
        self._until_s: dict[UUID, float] = {}
        self._begun_at_s = -inf
        self._arrived: set[UUID] | None = None
        """Who has come to another process since registering some here began; None when what that
        finds is not to be believed."""

    def start(self) -> None:
        """Keep who is registered from now on, when all others know that this process is there."""
        self._is_kept = True

    def end(self) -> None:
        """Forget all, and keep nobody until started again."""
        self._is_kept = False
        self.forget_all()

    def take_relied_on(self) -> bool:
        """Tell whether it was relied on that somebody is only here, since this was last asked."""
        was_relied_on, self._is_relied_on = self._is_relied_on, False
        return was_relied_on

    def forget_all(self) -> None:
        """Forget all, and who is being registered: who came elsewhere may have been missed."""
        self._arrived = None
        self._until_s.clear()

    def show(self, at_s: float) -> None:
        """Take note that this process showed itself to the others, later than `at_s`."""
        if at_s - self._shown_at_s >= RELIED_ON_FOR_S:
            # It may have been taken to be gone since the last time.
            self.forget_all()
        self._shown_at_s = at_s

    def begin(self) -> None:
        """Take note that some are about to be registered; one such step ends before the next."""
        self._begun_at_s = self._timer()
        self._arrived = set() if self._is_kept else None

    def settle(self, registered: Mapping[UUID, Registered]) -> None:
        """Keep those of the registered that no other process had, and no longer any of the rest."""
        self.forget(each for each, found in registered.items() if found.others)
        if self._arrived is None:
            return
        until_s = self._begun_at_s + TRUE_FOR_S
        for user_id, found in registered.items():
            if not found.others and user_id not in self._arrived:
                self._until_s[user_id] = until_s
        self._arrived = None

    def forget_former(self) -> None:
        """Forget those who have not been registered again, as they have left unnoticed."""
        now_s = self._timer()
        self._until_s = {
            each: until_s for each, until_s in self._until_s.items() if until_s > now_s
        }

    def arrive(self, user_ids: Iterable[UUID]) -> None:
        """Take note that users have come to another process as well."""
        self.forget(user_ids := set(user_ids))
        if self._arrived is not None:
            self._arrived |= user_ids

    def forget(self, user_ids: Iterable[UUID]) -> None:
        """Take note that users are about to be registered no more."""
        for user_id in user_ids:
            self._until_s.pop(user_id, None)

    def has_all(self, user_ids: Iterable[UUID]) -> bool:
        """Tell whether no other process need be told of any of them.

        To be asked after the insert, as the registrations are.
        """
        now_s = self._timer()
        if not self._can_be_relied_on(now_s):
            return False
        if not all(self._until_s.get(user_id, -inf) > now_s for user_id in user_ids):
            return False
        self._is_relied_on = True
        return True

    def _can_be_relied_on(self, now_s: float) -> bool:
        since_s = min(self._shown_at_s, self._stream.read_at_s)
        return self._is_kept and now_s - since_s < RELIED_ON_FOR_S
