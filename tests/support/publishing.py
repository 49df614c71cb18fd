"""A publisher to try, and whom it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from actors.cap_gate import CapGate
from actors.directory import Directory
from actors.draft import Draft
from actors.flows.content import Content
from actors.notice import Notice
from actors.publisher import Published, Publisher
from rules.kinds import KINDS
from rules.preferences import DEFAULTS
from rules.quiet_hours import QuietHours
from rules.recipients import Recipient
from rules.timezones import zone_of
from storage.events import StoredEvent
from storage.names import NameResolver
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import NOON, an_event
from tests.support.actors import (
    RecordingBus,
    RecordingQueue,
    no_caps,
)

AN_HOUR = timedelta(hours=1)
LISTING = Content(kind=KINDS["new_listing"], title="Bread", message="Fresh bread")


class Publishing:
    """A publisher whose queue is recorded, and recipients who can be reached on every channel."""

    def __init__(
        self,
        stores: Stores,
        clock: PositionClock,
        directory: Directory | None = None,
        caps: CapGate | None = None,
    ) -> None:
        self.clock = clock
        self.bus = RecordingBus()
        self.queue = RecordingQueue()
        self.caps = no_caps() if caps is None else caps
        self._stores = stores
        self._publisher = Publisher(
            notifications=stores.notifications,
            names=NameResolver(stores.users, stores.businesses),
            clock=clock,
            directory=Directory(lambda *_, **__: pytest.fail("nobody is connected"))
            if directory is None
            else directory,
            bus=self.bus,
            caps=self.caps,
            queue=self.queue,
            writer="tests#1",
        )

    def recipient(self, **preferences: Any) -> Recipient:
        return Recipient(
            user_id=uuid4(),
            preferences=replace(DEFAULTS, **preferences),
            has_email=True,
            has_device=True,
            has_phone=True,
        )

    def quiet_now(self) -> QuietHours:
        """Return hours that are quiet now and for an hour or two, in Johannesburg."""
        local = self.clock.store_now().astimezone(zone_of(DEFAULTS.timezone))
        return QuietHours(start=time((local - AN_HOUR).hour), end=time((local + 2 * AN_HOUR).hour))

    def drafts(self, notice: Notice) -> list[Draft]:
        """Return what the gates of preferences and quiet hours say now."""
        now = self.clock.store_now()
        return Draft.all_of(notice, at=now)

    async def publish_decided(self, drafts: Sequence[Draft]) -> Published:
        return await self._publisher.publish_decided(drafts)

    async def publish_all(self, *notices: Notice) -> Published:
        return await self._publisher.publish(notices)

    async def publish(
        self, recipient: Recipient, content: Content = LISTING, event: StoredEvent | None = None
    ) -> NotificationRow:
        """Tell `recipient` and return the row as it is stored."""
        await self.publish_all(
            Notice(event=event or stored(), content=content, recipients=[recipient])
        )
        found = await self._stores.notifications._rows.find({"recipient_id": recipient.user_id})
        (row,) = (NotificationRow.from_document(document) for document in found)
        return row


def stored() -> StoredEvent:
    new = an_event()
    return StoredEvent(
        key=new.key,
        sender=new.sender,
        event_id=new.event_id,
        type=new.type,
        occurred_at=NOON,
        accepted_at=NOON,
        data=new.data,
        lane=new.lane,
    )
