"""What is old is blanked and removed, in batches, whoever is killed meanwhile (contract 6)."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from storage.aged_notifications import AgedNotifications
from storage.client import Document
from storage.inbox_filter import InboxFilter
from storage.notifications import NotificationRow
from storage.positions import EPOCH, PositionClock
from storage.stores import Stores
from tasks.archives.archive import ArchiveUnavailable
from tasks.archives.directory import DirectoryArchive
from tasks.retention import Retained, Retention
from tests.storage.samples import a_row

A_DAY = timedelta(days=1)
LONG = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def nothing_left(database: AsyncIOMotorDatabase[Document]) -> AsyncIterator[None]:
    """Forget how far the test before came: its rows are gone, too."""
    yield
    await database["retention"].delete_many({})


def retention(
    stores: Stores,
    clock: PositionClock,
    *,
    at_once: int = 10,
    within: timedelta = LONG,
    archive: DirectoryArchive | None = None,
    aged: AgedNotifications | None = None,
) -> Retention:
    return Retention(
        aged or stores.aged,
        stores.retention,
        clock,
        within=within,
        archive=archive,
        blanked_at_once=at_once,
        removed_at_once=at_once,
    )


async def insert(stores: Stores, clock: PositionClock, *ages: timedelta) -> list[NotificationRow]:
    now = clock.store_now()
    rows = [
        a_row(
            uuid4(),
            created_at=now - age,
            floor=now - age,
            sender_id=uuid4(),
            sender_type="service",
            image_url="https://images.example/bread.png",
            is_read=age > 100 * A_DAY,
            channels={"email": {"status": "sent"}},
        )
        for age in ages
    ]
    await stores.notifications.insert(rows)
    return rows


async def kept(database: AsyncIOMotorDatabase[Document]) -> dict[UUID, Document]:
    return {row["_id"]: row async for row in database["notifications"].find({})}


def files(root: Path) -> list[Path]:
    return list(root.rglob("*.ndjson.gz"))


def archived(root: Path) -> Counter[UUID]:
    """Return how often each row is in the archive, each of whose files is whole."""
    return Counter(
        UUID(json.loads(line)["_id"])
        for file in files(root)
        for line in gzip.decompress(file.read_bytes()).splitlines()
    )


async def test_what_is_personal_is_gone_after_90_days_and_the_row_after_six_months(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document]
) -> None:
    ages = (0 * A_DAY, 89.9 * A_DAY, 90.1 * A_DAY, 150 * A_DAY, 180 * A_DAY, 190 * A_DAY)
    young, almost, just, old, oldest, *_gone = rows = await insert(
        stores, clock, *ages, *(400 * A_DAY + n * A_DAY for n in range(30))
    )
    done = await retention(stores, clock).run(clock.store_now())
    assert (done.blanked, done.removed) == (len(rows) - 2, len(rows) - 5)
    left = await kept(database)
    assert left.keys() == {row.id for row in (young, almost, just, old, oldest)}
    assert left[young.id] == young.to_document()
    assert left[almost.id] == almost.to_document()
    for row in (just, old, oldest):
        blank = left[row.id]
        assert (blank["title"], blank["message"], blank["data"]) == ("", "", {})
        assert (blank["action_buttons"], blank["image_url"], blank["sender_id"]) == ([], None, None)
        assert not blank.keys() & {"inbox", "unread", "changed_at", "sender_type"}
        for counted in ("kind", "business_id", "channels", "is_read", "in_app", "created_at"):
            assert blank[counted] == row.to_document()[counted]


async def test_what_is_blanked_is_in_no_inbox_and_in_no_sync(
    stores: Stores, clock: PositionClock
) -> None:
    (row,) = await insert(stores, clock, 91 * A_DAY)
    user, inbox = row.recipient_id, stores.notifications
    await inbox.mark_all_read(user, at=clock.store_now())
    await retention(stores, clock).run(clock.store_now())
    assert await inbox.page(user, InboxFilter(), page=1, page_size=9) == []
    assert await inbox.unread_count(user) == 0
    later = clock.store_now()
    assert await inbox.after(user, since=None, until=later, limit=9) == []
    assert await inbox.changed(user, since=EPOCH, before=later, limit=9) == []
    blank = await inbox.find(user, row.id)
    assert blank is not None
    assert blank.is_blanked


async def test_a_second_run_finds_nothing_to_do(stores: Stores, clock: PositionClock) -> None:
    await insert(stores, clock, 91 * A_DAY, 200 * A_DAY)
    assert await retention(stores, clock).run(clock.store_now()) == Retained(2, 1)
    again = await retention(stores, clock).run(clock.store_now())
    assert again == Retained()
    assert not again


async def test_as_of_a_time_to_come_and_what_is_made_until_then(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document]
) -> None:
    await insert(stores, clock, 2 * A_DAY)
    in_time = clock.store_now() + 100 * A_DAY
    assert (await retention(stores, clock).run(in_time)).blanked == 1
    (later,) = await insert(stores, clock, timedelta())
    assert (await retention(stores, clock).run(in_time)).blanked == 1
    assert (await kept(database))[later.id]["is_blanked"]


async def test_more_than_a_batch_at_one_moment_is_one_batch(
    stores: Stores, clock: PositionClock, tmp_path: Path
) -> None:
    rows = await insert(stores, clock, *[200 * A_DAY] * 25)
    done = await retention(stores, clock, archive=DirectoryArchive(tmp_path)).run(clock.store_now())
    assert (done.removed, done.files) == (25, 1)
    assert archived(tmp_path) == Counter(row.id for row in rows)


async def test_a_run_that_has_no_time_left_says_so_and_the_next_goes_on(
    stores: Stores, clock: PositionClock
) -> None:
    await insert(stores, clock, *(100 * A_DAY + n * A_DAY for n in range(40)))
    hurried = await retention(stores, clock, within=timedelta()).run(clock.store_now())
    assert 0 < hurried.blanked <= 10
    assert hurried.has_more
    assert str(hurried).endswith("0 removed, 0 files archived; more is left")
    rest = await retention(stores, clock).run(clock.store_now())
    assert hurried.blanked + rest.blanked == 40
    assert not rest.has_more


async def test_every_row_is_in_the_archive_once_before_it_is_removed(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document], tmp_path: Path
) -> None:
    rows = await insert(stores, clock, *(185 * A_DAY + n * A_DAY for n in range(73)))
    done = await retention(stores, clock, archive=DirectoryArchive(tmp_path)).run(clock.store_now())
    assert (done.removed, done.files) == (73, len(files(tmp_path)))
    assert done.files >= 8
    assert archived(tmp_path) == Counter(row.id for row in rows)
    assert not await kept(database)


class Killed(BaseException):
    """The process is gone."""


class DyingArchive(DirectoryArchive):
    """Writes its second file; nobody hears of it any more."""

    files = 0

    async def put(self, name: str, content: bytes) -> None:
        await super().put(name, content)
        self.files += 1
        if self.files == 2:
            raise Killed


class DyingNotifications(AgedNotifications):
    """Removes half of what it is asked to remove the second time."""

    removals = 0

    async def remove(self, since: datetime, until: datetime) -> int:
        self.removals += 1
        if self.removals < 2:
            return await super().remove(since, until)
        rows = await self.rows(since, until)
        await super().remove(since, rows[len(rows) // 2]["created_at"])
        raise Killed


@pytest.mark.parametrize("at", ["written", "half removed"])
async def test_a_run_that_is_killed_is_gone_on_with(
    stores: Stores,
    clock: PositionClock,
    database: AsyncIOMotorDatabase[Document],
    tmp_path: Path,
    at: str,
) -> None:
    rows = await insert(stores, clock, *(185 * A_DAY + n * A_DAY for n in range(40)))
    dying = (
        retention(stores, clock, archive=DyingArchive(tmp_path))
        if at == "written"
        else retention(
            stores, clock, archive=DirectoryArchive(tmp_path), aged=DyingNotifications(database)
        )
    )
    with pytest.raises(Killed):
        await dying.run(clock.store_now())
    assert 0 < len(await kept(database)) < 40
    await retention(stores, clock, archive=DirectoryArchive(tmp_path)).run(clock.store_now())
    assert archived(tmp_path) == Counter(row.id for row in rows)
    assert not await kept(database)


async def test_two_at_once_lose_nothing(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document], tmp_path: Path
) -> None:
    rows = await insert(stores, clock, *(185 * A_DAY + n * A_DAY for n in range(60)))
    runs = [retention(stores, clock, archive=DirectoryArchive(tmp_path)) for _ in range(2)]
    await asyncio.gather(*(run.run(clock.store_now()) for run in runs))
    await runs[0].run(clock.store_now())
    assert archived(tmp_path).keys() == {row.id for row in rows}
    assert not await kept(database)


async def test_an_archive_that_is_away_keeps_the_rows(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document], tmp_path: Path
) -> None:
    await insert(stores, clock, 200 * A_DAY)
    (tmp_path / "notifications").write_text("in the way")
    with pytest.raises(ArchiveUnavailable):
        await retention(stores, clock, archive=DirectoryArchive(tmp_path)).run(clock.store_now())
    assert len(await kept(database)) == 1
    (tmp_path / "notifications").unlink()
    await retention(stores, clock, archive=DirectoryArchive(tmp_path)).run(clock.store_now())
    assert sum(archived(tmp_path).values()) == 1
