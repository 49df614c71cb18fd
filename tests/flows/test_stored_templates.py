"""From a stored template to the mail that it makes: a server, a worker with its press, `file:`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import SMTP
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.flows.deliveries import WorkerProcess
from tests.support.api import Api, token
from tests.support.world import Person, World, eventually

ADMIN = token(user_type="admin")
STORED = {"subject": "Stored: {{ title }}", "html": "<p>{{ message }}</p>", "text": "{{ name }}"}
ENDLESS = "{% for a in 'x' * 9999 %}" * 3 + "{% endfor %}" * 3


@pytest.fixture
async def world(api: Api) -> AsyncIterator[World]:
    made = World(api)
    yield made
    made.close()


@pytest.fixture
async def worker(
    mongodb_uri: str, redis_url: str, database_name: str, queue_url: str, tmp_path: Path
) -> AsyncIterator[WorkerProcess]:
    """Run a worker that puts its mails below `tmp_path`."""
    started = WorkerProcess(
        mongodb_uri,
        redis_url,
        database_name,
        tmp_path / "worker.log",
        SNB_QUEUE_REDIS_URL=queue_url,
        SNB_DATA_DIR=str(tmp_path),
    )
    await started.start()
    yield started
    started.kill()


async def mailed(api: Api, person: Person, outbox: Path, title: str) -> Any:
    """Send a mail and return it as it arrived, once it did."""
    body = {
        "recipient_id": str(person.id),
        "notification_type": "verification_status",
        "title": title,
        "message": "You are verified.",
        "channels": ["email"],
        "priority": "critical",
    }
    assert (await api.post("/api/notifications/", ADMIN, body)).status == 201

    return await eventually(lambda: asyncio.to_thread(found, outbox, title), within_s=120.0)


def found(outbox: Path, title: str) -> Any:
    for path in outbox.glob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=SMTP)
        if title in mail["Subject"]:
            return mail
    return None


def presses_of(worker: WorkerProcess) -> list[psutil.Process]:
    assert worker.process is not None
    children = psutil.Process(worker.process.pid).children(recursive=True)
    return [child for child in children if "tasks.emails.pressing" in child.cmdline()]


@pytest.mark.timeout(seconds=300)
async def test_mails_are_made_by_what_is_stored_and_by_what_is_shipped_where_that_fails(
    world: World, api: Api, worker: WorkerProcess, tmp_path: Path
) -> None:
    path = "/api/templates/verification_status/"
    # Before the worker makes its first mail, of what is stored by then.
    assert (await api.put(path, ADMIN, STORED)).status == 200
    person, outbox = await world.person(), tmp_path / "outbox" / "email"
    mail = await mailed(api, person, outbox, "first")
    assert mail["Subject"] == "Stored: first"
    assert "You are verified." in mail.get_body(("html",)).get_content()
    (press,) = presses_of(worker)

    # What takes for ever is ended, and the mail goes all the same.
    assert (await api.put(path, ADMIN, {**STORED, "text": ENDLESS})).status == 200

    numbers = count()

    async def is_shipped() -> bool:
        again = await mailed(api, person, outbox, f"number {next(numbers)}.")
        return not again["Subject"].startswith("Stored")

    await eventually(is_shipped, within_s=120.0)
    assert any(line["event"] == "stored_template_failed" for line in worker.lines())
    assert not press.is_running()
    assert worker.stop() == 0


@pytest.mark.timeout(seconds=300)
async def test_a_press_does_not_outlive_a_worker_that_is_killed(
    world: World, api: Api, worker: WorkerProcess, tmp_path: Path
) -> None:
    assert (await api.put("/api/templates/verification_status/", ADMIN, STORED)).status == 200
    person, outbox = await world.person(), tmp_path / "outbox" / "email"
    await mailed(api, person, outbox, "a mail")
    (press,) = presses_of(worker)
    worker.kill()

    async def has_ended() -> bool:
        return not press.is_running() or press.status() == psutil.STATUS_ZOMBIE

    assert await eventually(has_ended)
