"""People who can be reached, and deliveries to them that wait, written into the store.

Registered through the API everybody would be sent a `welcome` as well. Rows that no longer have the
shape which the worker reads show as deliveries that do not arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pymongo
from pymongo.database import Database

from actors.flows.listings import new_listing
from bench.population import listing
from config.settings import Settings
from rules.kinds import Channel
from storage.businesses import Business
from storage.encryption import FieldCipher
from storage.filing import Heading
from storage.notification_rows import NotificationRow
from tasks.due import REDELIVER_AFTER
from tasks.hueys import open_hueys
from tasks.queue import DeliveryQueue, DeliveryRef

Rows = Database[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reachable:
    """A customer with an address and a device, whom nothing keeps from being told."""

    id: UUID
    email: str
    device_token: str

    def destination(self, channel: Channel) -> str:
        """Return where a delivery on `channel` goes."""
        return self.email if channel is Channel.EMAIL else self.device_token


class Backlog:
    """Writes what a worker is to find, and counts what it has left."""

    def __init__(self, settings: Settings, database: Rows) -> None:
        self._database = database
        self._cipher = FieldCipher(settings.encryption_keys)
        self._queue = DeliveryQueue(open_hueys(str(settings.queue_redis_url)))

    def people(self, count: int) -> list[Reachable]:
        """Register `count` people."""
        ids = [uuid4() for _ in range(count)]
        made = [Reachable(id_, f"{id_}@example.org", f"token-{id_}") for id_ in ids]
        users = [self._user(person) for person in made]
        self._database["users"].insert_many(users)
        self._database["device_tokens"].insert_many(
            [
                {"_id": device["token_hash"], "user_id": user["_id"], "device_id": device["id"]}
                for user in users
                for device in user["devices"]
            ]
        )
        return made

    def leave(
        self, channel: Channel, people: Sequence[Reachable], business_id: UUID
    ) -> list[DeliveryRef]:
        """Leave one notification of a listing for each of `people`, to be sent on `channel`."""
        business = self._business(business_id)
        rows = [_row(channel, person, business) for person in people]
        self._database["notifications"].insert_many([row.to_document() for row in rows])
        return [DeliveryRef(channel, row.recipient_id, row.id) for row in rows]

    def queue(self, refs: Sequence[DeliveryRef]) -> int:
        """Put `refs` on the job queue and return how many it took."""
        return self._queue.enqueue(refs)

    def unfinished(self) -> int:
        """Return how many deliveries somebody has yet to look at."""
        return sum(
            self._database["notifications"].count_documents(
                {f"channels.{channel.value}.filed.under": heading}
            )
            for channel in (Channel.EMAIL, Channel.PUSH)
            for heading in Heading
        )

    def _business(self, business_id: UUID) -> Business:
        stored = self._database["businesses"].find_one({"_id": business_id}) or {}
        return Business(
            id=business_id,
            owner_id=stored["owner_id"],
            name=stored["name"],
            logo=None,
            address=None,
            rating=None,
            followers_count=0,
        )

    def _user(self, person: Reachable) -> dict[str, Any]:
        cipher = self._cipher
        return {
            "_id": person.id,
            "name": "Thandi Nkosi",
            "user_type": "customer",
            "email": cipher.encrypt(person.email, owner=person.id),
            "email_hash": cipher.lookup_hash(person.email),
            "preferences": {"quiet_hours": {"enabled": False}},
            "devices": [
                {
                    "id": uuid4(),
                    "token": cipher.encrypt(person.device_token, owner=person.id),
                    "token_hash": cipher.lookup_hash(person.device_token),
                    "platform": "android",
                    "is_active": True,
                }
            ],
        }


@contextmanager
def opened_backlog(settings: Settings) -> Iterator[Backlog]:
    """Open the store of a running service."""
    uri = str(settings.mongodb_uri)
    with pymongo.MongoClient[dict[str, Any]](uri, uuidRepresentation="standard") as client:
        yield Backlog(settings, client[settings.mongodb_database])


def _row(channel: Channel, person: Reachable, business: Business) -> NotificationRow:
    now = datetime.now(UTC)
    content = new_listing(listing(business.id)["data"], business)
    # As a fan-out leaves it: queued now, and looked for by the sweep only when forgotten.
    waiting = {"status": "queued", "due_at": now + REDELIVER_AFTER}
    return NotificationRow(
        id=uuid4(),
        recipient_id=person.id,
        event_id=uuid4(),
        kind=content.kind.name,
        writer="bench#1",
        created_at=now,
        floor=now,
        in_app=True,
        title=content.title,
        message=content.message,
        data=content.data,
        action_buttons=content.action_buttons,
        image_url=content.image_url,
        business_id=content.business_id,
        sender_id=content.sender_id,
        channels={channel.value: waiting},
    )
