from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from storage.stores import Stores
from storage.templates import KEPT, TemplateVersion
from tests.storage.samples import NOON, SECOND

ADMIN = uuid4()


async def add(
    stores: Stores, name: str, *, locale: str = "en", html: str = "<p>x</p>", after: int = 0
) -> TemplateVersion:
    return await stores.templates.add(
        name=name,
        locale=locale,
        subject="Hi",
        html=html,
        text="x",
        by=ADMIN,
        at=NOON,
        after=after,
    )


async def test_versions_count_from_where_they_are_told_to(stores: Stores) -> None:
    name = uuid4().hex
    assert [(await add(stores, name, after=1)).version for _ in range(3)] == [2, 3, 4]
    assert (await add(stores, name, locale="af")).version == 1
    assert [head.version for head in await stores.templates.versions(name, "en")] == [4, 3, 2]


async def test_what_was_written_is_found_by_its_number(stores: Stores) -> None:
    name = uuid4().hex
    written = await add(stores, name, html="<p>one</p>")
    await add(stores, name, html="<p>two</p>")
    assert await stores.templates.find(name, "en", 1) == written
    assert await stores.templates.find(name, "en", 3) is None
    assert await stores.templates.find(name, "zu", 1) is None


async def test_of_each_language_the_highest_version_is_current(stores: Stores) -> None:
    name = uuid4().hex
    for locale in ("en", "en", "af"):
        await add(stores, name, locale=locale)
    current = await stores.templates.current()
    ours = {key: head.version for key, head in current.items() if key[0] == name}
    assert ours == {(name, "en"): 2, (name, "af"): 1}


async def test_those_who_write_at_once_get_a_number_each(stores: Stores) -> None:
    name = uuid4().hex
    written = await asyncio.gather(*(add(stores, name, html=f"<p>{n}</p>") for n in range(12)))
    assert sorted(each.version for each in written) == list(range(1, 13))
    for each in written:
        assert await stores.templates.find(name, "en", each.version) == each


async def test_old_versions_are_dropped(stores: Stores) -> None:
    name = uuid4().hex
    for _ in range(KEPT + 3):
        await add(stores, name)
    kept = [head.version for head in await stores.templates.versions(name, "en")]
    assert kept == list(range(KEPT + 3, 3, -1))


@pytest.mark.parametrize("other", ["welcome", "welcome/en"])
async def test_names_that_begin_alike_are_others(stores: Stores, other: str) -> None:
    name = f"{other}{uuid4().hex}"
    await add(stores, name)
    assert not await stores.templates.versions(name[:-1], "en")
    assert (await stores.templates.current())[name, "en"].updated_at - NOON < timedelta(0) + SECOND
