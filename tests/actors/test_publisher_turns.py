"""The loop has its turn while many are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from actors.cap_gate import CapGate, Reserved
from actors.directory import Directory
from actors.draft import Draft
from actors.frames import Announcement
from actors.notice import Notice
from config.daily_caps import NO_DAILY_CAPS
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tests.support.actors import (
    Away,
)
from tests.support.publishing import LISTING, Publishing, stored


async def test_the_loop_has_its_turn_between_portions_of_those_who_are_told(
    stores: Stores, clock: PositionClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.publisher.DELIVERED_AT_ONCE", 2)
    seen: list[int | str] = []

    class Portions(Directory):
        def deliver(self, rows: Iterable[NotificationRow], announcement: Announcement) -> None:
            seen.append(len(list(rows)))
            asyncio.get_running_loop().call_soon(seen.append, "turn")

    publishing = Publishing(stores, clock, Portions(lambda *_, **__: pytest.fail("nobody is here")))
    recipients = [publishing.recipient() for _ in range(5)]
    await publishing.publish_all(Notice(event=stored(), content=LISTING, recipients=recipients))
    assert seen[:5] == [2, "turn", 2, "turn", 1]


@pytest.mark.parametrize(("many", "order"), [(2, ["asked", "turn"]), (3, ["turn", "asked"])])
async def test_the_loop_has_its_turn_once_many_are_decided(
    stores: Stores,
    clock: PositionClock,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
    order: list[str],
) -> None:
    monkeypatch.setattr("actors.publisher.DELIVERED_AT_ONCE", 2)
    seen: list[str] = []

    class Asked(CapGate):
        @asynccontextmanager
        async def passed(self, drafts: Sequence[Draft], *, at: datetime) -> AsyncIterator[Reserved]:
            seen.append("asked")
            yield Reserved()

    none: Any = Away()
    publishing = Publishing(stores, clock, caps=Asked(NO_DAILY_CAPS, none))
    recipients = [publishing.recipient() for _ in range(many)]
    asyncio.get_running_loop().call_soon(seen.append, "turn")
    await publishing.publish_all(Notice(event=stored(), content=LISTING, recipients=recipients))
    assert seen == order
