"""From an event or a request to the mail, push or text message: a server, a worker, `file:`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pymongo
import pytest

from rules.timezones import DEFAULT_TIMEZONE, zone_of
from server.service import Service
from tests.flows.deliveries import WorkerProcess
from tests.support.api import Api
from tests.support.world import Person, Shop, World, eventually

NEVER_QUIET = {"quiet_hours": {"enabled": False}}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PHONE = "+27821234567"
DEVICE_TOKEN = "fcm:Thandi's-phone"


@pytest.fixture
async def world(service: Service) -> AsyncIterator[World]:
    """Make things happen."""
    api = Api(service.settings.public_url)
    yield World(api)
    api.close()


@pytest.fixture
async def outbox(
    service: Service,
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    queue_url: str,
    tmp_path: Path,
) -> AsyncIterator[Path]:
    """Run a worker, and return where it puts what it sends."""
    worker = WorkerProcess(
        mongodb_uri,
        redis_url,
        database_name,
        tmp_path / "worker.log",
        SNB_QUEUE_REDIS_URL=queue_url,
        SNB_PUBLIC_URL=service.settings.public_url,
        SNB_DATA_DIR=str(tmp_path),
    )
    await worker.start()
    yield tmp_path / "outbox"
    assert worker.stop() == 0


@pytest.fixture
def rows(mongodb_uri: str, database_name: str) -> Iterator[Rows]:
    """Look at what the store holds of notifications."""
    with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
        yield Rows(client[database_name]["notifications"])


class Rows:
    """The collection `notifications`."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def of(self, person: Person, kind: str) -> list[dict[str, Any]]:
        """Return the rows of one kind, oldest first."""

        def read() -> list[dict[str, Any]]:
            found = self._collection.find({"recipient_id": person.id, "kind": kind})
            return sorted(found, key=lambda row: row["created_at"])

        return await asyncio.to_thread(read)

    async def has_ended(
        self, person: Person, kind: str, channel: str, status: str, *, place: int = 0
    ) -> dict[str, Any]:
        """Wait until the channel of a row has `status`, and return the row."""

        async def look() -> dict[str, Any] | None:
            found = await self.of(person, kind)
            is_there = len(found) > place and found[place]["channels"][channel]["status"] == status
            return found[place] if is_there else None

        return cast("dict[str, Any]", await eventually(look))

    async def make_due(self, row_id: UUID) -> None:
        """Have everything of a row be due a second ago."""
        then = datetime.now(UTC) - timedelta(seconds=1)
        due = {
            f"channels.{channel}.{when}": then
            for channel in ("email", "push")
            for when in ("due_at", "filed.at")
        }
        await asyncio.to_thread(self._collection.update_one, {"_id": row_id}, {"$set": due})


def the_file(directory: Path, notification_id: UUID) -> Path:
    (path,) = directory.glob(f"{notification_id}*")
    return path


def the_mail(outbox: Path, notification_id: UUID) -> EmailMessage:
    path = the_file(outbox / "email", notification_id)
    assert path.suffix == ".eml"
    return message_from_bytes(path.read_bytes(), policy=SMTP)


def the_message(outbox: Path, channel: str, notification_id: UUID) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(
        the_file(outbox / channel, notification_id).read_text("utf-8")
    )
    return message


def the_text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def reachable_follower(world: World, shop: Shop) -> Person:
    """Register a follower with an address and a phone that receives pushes."""
    person = await world.follower(shop)
    device = {"device_token": DEVICE_TOKEN, "platform": "android"}
    answer = await world.api.post("/api/devices/", person.token, device)
    assert answer.status in {200, 201}, answer.body
    return person


def quiet_now() -> dict[str, Any]:
    """Return quiet hours that have begun, and last for two hours more."""
    now = datetime.now(zone_of(DEFAULT_TIMEZONE))
    start, end = now - timedelta(hours=2), now + timedelta(hours=2)
    return {
        "quiet_hours": {"enabled": True, "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"},
    }


def where_it_is_night() -> str:
    """Return a time zone whose clocks show two o'clock or so."""
    ahead = (2 - datetime.now(UTC).hour) % 24
    # The sign of these names is the other way round (POSIX).
    return f"Etc/GMT-{ahead}" if ahead <= 12 else f"Etc/GMT+{24 - ahead}"


async def test_a_listing_becomes_a_mail_and_a_push(world: World, rows: Rows, outbox: Path) -> None:
    shop = await world.shop()
    person = await reachable_follower(world, shop)
    await world.prefer(person, **NEVER_QUIET)
    listing_id = await world.post_listing(shop, "Margherita <b>", image_url="https://x.example/p")
    row = await rows.has_ended(person, "new_listing", "email", "sent")
    await rows.has_ended(person, "new_listing", "push", "sent")

    mail = the_mail(outbox, row["_id"])
    assert f"{person.id}@example.org" in mail["To"]
    assert mail["X-Notification-ID"] == str(row["_id"])
    assert "Margherita <b>" in the_text(mail)
    html = mail.get_body(("html",))
    assert html is not None
    assert "Margherita &lt;b&gt;" in html.get_content()
    push = the_message(outbox, "push", row["_id"])
    assert push["to"]["token"] == DEVICE_TOKEN
    assert push["title"] == row["title"]
    assert push["data"]["listing_id"] == listing_id
    assert push["badge"] == 1


async def test_a_direct_send_by_sms_becomes_a_text_message(
    world: World, rows: Rows, outbox: Path
) -> None:
    person = await world.person(phone=PHONE)
    await world.prefer(person, **NEVER_QUIET)
    answer = await world.send(person, channels=["sms"])
    assert answer.status == 201
    row = await rows.has_ended(person, "interaction_confirmed", "sms", "sent")
    assert str(row["_id"]) == answer.body["id"]
    message = the_message(outbox, "sms", row["_id"])
    assert message["to"] == PHONE
    assert "Your order is ready at noon." in message["body"]
    assert set(row["channels"]) == {"sms"}
    assert (await world.inbox(person))["count"] == 0


async def test_what_waits_for_quiet_hours_to_end_is_sent_when_they_have(
    world: World, rows: Rows, outbox: Path
) -> None:
    shop = await world.shop()
    person = await reachable_follower(world, shop)
    await world.prefer(person, **quiet_now())
    await world.post_listing(shop)
    (told,) = await world.told(person)
    row = await rows.has_ended(person, "new_listing", "email", "deferred")
    assert str(row["_id"]) == told["id"]
    ends_at = row["channels"]["email"]["due_at"]
    for channel in ("email", "push"):
        state = row["channels"][channel]
        assert (state["status"], state["reason"]) == ("deferred", "quiet_hours")

    # Looked at too early it goes on waiting, since the hours are asked about again.
    await rows.make_due(row["_id"])

    async def waits_again() -> bool:
        (found,) = await rows.of(person, "new_listing")
        states = [found["channels"][channel] for channel in ("email", "push")]
        return all((each["status"], each["due_at"]) == ("deferred", ends_at) for each in states)

    await eventually(waits_again)
    assert not outbox.joinpath("push").exists()

    await world.prefer(person, **NEVER_QUIET)
    await rows.make_due(row["_id"])
    for channel in ("email", "push"):
        await rows.has_ended(person, "new_listing", channel, "sent")
    assert the_mail(outbox, row["_id"])["Subject"]
    assert the_message(outbox, "push", row["_id"])["title"] == row["title"]


async def test_the_welcome_arrives_at_night_as_well(world: World, rows: Rows, outbox: Path) -> None:
    person = await world.person(timezone=where_it_is_night())
    row = await rows.has_ended(person, "welcome", "email", "sent")
    assert "Thandi" in the_text(the_mail(outbox, row["_id"]))
    # Other mail waits.
    answer = await world.send(person, channels=["email"])
    assert answer.status == 201
    await rows.has_ended(person, "interaction_confirmed", "email", "deferred")


async def test_one_click_on_the_link_of_a_mail_ends_mails(
    world: World, rows: Rows, outbox: Path
) -> None:
    shop = await world.shop()
    person = await reachable_follower(world, shop)
    await world.prefer(person, **NEVER_QUIET)
    await world.post_listing(shop)
    row = await rows.has_ended(person, "new_listing", "email", "sent")
    mail = the_mail(outbox, row["_id"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(mail["List-Unsubscribe"]).strip("<>")
    answer = await world.api.post(link, raw=b"List-Unsubscribe=One-Click", headers=FORM)
    assert answer.status == 200

    await world.post_listing(shop, "Focaccia")
    suppressed = await rows.has_ended(person, "new_listing", "email", "suppressed", place=1)
    assert suppressed["channels"]["email"]["reason"] == "channel_preference"
    await rows.has_ended(person, "new_listing", "push", "sent", place=1)
    assert not list((outbox / "email").glob(f"{suppressed['_id']}*"))
