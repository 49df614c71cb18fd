"""A crowd with mail and push waiting, and workers to send them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pymongo

from storage.encryption import FieldCipher
from storage.filing import heading_of_waiting
from tests.support.programs import Program
from tests.support.service import environment
from tests.support.world import eventually


@dataclass(frozen=True, slots=True)
class Crowd:
    """Everybody's notifications, one each, with an email and a push to send."""

    rows: list[UUID]


def gather(
    mongodb_uri: str,
    database: str,
    key: bytes,
    count: int,
    *,
    channels: Sequence[str] = ("email", "push"),
    priority: str = "normal",
) -> Crowd:
    """Register `count` people with a device and a phone each, and leave a notification for each."""
    cipher, then = FieldCipher([key]), datetime.now(UTC) - timedelta(seconds=5)
    people, claims, rows = [], [], []
    for _ in range(count):
        user_id, device_id, token = uuid4(), uuid4(), f"token-{uuid4()}"
        token_hash = cipher.lookup_hash(token)
        email, phone = f"{user_id}@example.org", a_number()
        people.append(
            {
                "_id": user_id,
                "name": "Thandi",
                "user_type": "customer",
                "email": cipher.encrypt(email, owner=user_id),
                "email_hash": cipher.lookup_hash(email),
                "phone": cipher.encrypt(phone, owner=user_id),
                "phone_hash": cipher.lookup_hash(phone),
                "preferences": {"quiet_hours": {"enabled": False}},
                "devices": [
                    {
                        "id": device_id,
                        "token": cipher.encrypt(token, owner=user_id),
                        "token_hash": token_hash,
                        "platform": "android",
                        "is_active": True,
                    }
                ],
            }
        )
        claims.append({"_id": token_hash, "user_id": user_id, "device_id": device_id})
        rows.append(_row(user_id, then, channels, priority))
    with pymongo.MongoClient[Any](
        mongodb_uri, uuidRepresentation="standard", journal=False, w=1
    ) as client:
        for collection, documents in (
            ("users", people),
            ("device_tokens", claims),
            ("notifications", rows),
        ):
            client[database][collection].insert_many(documents)
    return Crowd([row["_id"] for row in rows])


def a_number() -> str:
    """Return a phone number that nobody else in the tests has."""
    return f"+2782{uuid4().int % 10**7:07}"


def _row(user_id: UUID, at: datetime, channels: Sequence[str], priority: str) -> dict[str, Any]:
    heading = heading_of_waiting(priority=priority, campaign_id=None)
    filed = {"under": heading.value, "at": at}
    waiting = {"status": "queued", "due_at": at, "filed": filed}
    return {
        "_id": uuid4(),
        "recipient_id": user_id,
        "event_id": uuid4(),
        "kind": "system_announcement",
        "writer": "tests#1",
        "created_at": at,
        "floor": at,
        "in_app": False,
        "is_read": False,
        "read_at": None,
        "is_deleted": False,
        "deleted_at": None,
        "title": "We are open on Sunday",
        "message": "Come and collect.",
        "data": {},
        "action_buttons": [],
        "image_url": None,
        "priority": priority,
        "business_id": None,
        "sender_id": None,
        "channels": {channel: dict(waiting) for channel in channels},
    }


class WorkerProcess:
    """`run.py worker` on the test's stores, with its JSON log; tests may kill it."""

    def __init__(
        self, mongodb_uri: str, redis_url: str, database: str, log: Path, **variables: str
    ) -> None:
        self._environment = {
            **os.environ,
            **environment(mongodb_uri, redis_url, database, 8000),
            "SNB_LOG_FORMAT": "json",
            **variables,
        }
        self._log = log
        self.process: Program | None = None

    async def start(self) -> None:
        """Start, and return once it says that it is ready."""
        self._log.unlink(missing_ok=True)
        self.process = Program.start(("run.py", "worker"), self._environment, self._log)
        await eventually(self._is_ready, within_s=120.0)

    def kill(self) -> None:
        """Kill it as kill -9 does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30.0)

    def stop(self) -> int:
        """Stop it as SIGTERM does and return its status."""
        assert self.process is not None
        return self.process.end(within_s=30.0)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text()
        return any(line["event"] == "worker_ready" for line in self.lines())
