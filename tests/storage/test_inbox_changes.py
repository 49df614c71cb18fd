"""What people do to rows of their inboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from storage.notifications import NotInInbox
from tests.storage.inboxes import LATER, inserted
from tests.storage.samples import SECOND

if TYPE_CHECKING:
    from storage.stores import Stores


async def test_marking_counts_only_what_turned_and_is_the_users_own(stores: Stores) -> None:
    anna, ben = uuid4(), uuid4()
    own, others = await inserted(stores, anna, 4), await inserted(stores, ben, 2)
    email_only = await inserted(stores, anna, 1, in_app=False)
    await stores.notifications.delete(anna, own[3].id, at=LATER)
    mark = stores.notifications.mark_read
    assert await mark(anna, [own[0].id], at=LATER) == 1
    wanted = [row.id for row in own + others + email_only] + [uuid4()]
    assert await mark(anna, wanted, at=LATER + SECOND) == 2
    assert await mark(anna, wanted, at=LATER) == 0
    assert await stores.notifications.unread_count(anna) == 0
    assert await stores.notifications.unread_count(ben) == 2
    first = await stores.notifications.find(anna, own[0].id)
    assert first is not None
    assert (first.is_read, first.read_at) == (True, LATER)


async def test_marking_all_leaves_other_users_alone(stores: Stores) -> None:
    anna, ben = uuid4(), uuid4()
    await inserted(stores, anna, 3)
    await inserted(stores, ben, 2)
    assert await stores.notifications.mark_all_read(anna, at=LATER) == 3
    assert await stores.notifications.mark_all_read(anna, at=LATER) == 0
    assert await stores.notifications.unread_count(anna) == 0
    assert await stores.notifications.unread_count(ben) == 2


async def test_the_first_click_and_its_action_stay(stores: Stores) -> None:
    user_id = uuid4()
    (row,) = await inserted(stores, user_id, 1)
    clicked = stores.notifications.click
    assert await clicked(user_id, row.id, action="$read_at", at=LATER) == 1
    assert await clicked(user_id, row.id, action="other", at=LATER + SECOND) == 0
    kept = await stores.notifications.find(user_id, row.id)
    assert kept is not None
    assert (kept.clicked_at, kept.clicked_action) == (LATER, "$read_at")
    assert (kept.is_read, kept.read_at) == (True, LATER)
    assert kept.to_document()["clicked_action"] == "$read_at"


async def test_a_click_without_an_action_is_the_first_one_too(stores: Stores) -> None:
    user_id = uuid4()
    (row,) = await inserted(stores, user_id, 1)
    await stores.notifications.click(user_id, row.id, action=None, at=LATER)
    await stores.notifications.click(user_id, row.id, action="view", at=LATER + SECOND)
    kept = await stores.notifications.find(user_id, row.id)
    assert kept is not None
    assert (kept.clicked_at, kept.clicked_action) == (LATER, None)


async def test_what_the_inbox_does_not_show_cannot_be_clicked(stores: Stores) -> None:
    anna, ben = uuid4(), uuid4()
    row, deleted = await inserted(stores, anna, 2)
    await stores.notifications.delete(anna, deleted.id, at=LATER)
    for user_id, id_ in ((ben, row.id), (anna, uuid4()), (anna, deleted.id)):
        with pytest.raises(NotInInbox):
            await stores.notifications.click(user_id, id_, action=None, at=LATER)
    kept = await stores.notifications.find(anna, row.id)
    assert kept is not None
    assert (kept.clicked_at, kept.is_read) == (None, False)


async def test_a_row_is_deleted_once_by_its_owner(stores: Stores) -> None:
    anna, ben = uuid4(), uuid4()
    (row,) = await inserted(stores, anna, 1)
    assert not await stores.notifications.delete(ben, row.id, at=LATER)
    assert await stores.notifications.delete(anna, row.id, at=LATER)
    assert not await stores.notifications.delete(anna, row.id, at=LATER)
    assert await stores.notifications.unread_count(anna) == 0
    found = await stores.notifications.find(anna, row.id)
    assert found is not None
    assert (found.is_deleted, found.deleted_at) == (True, LATER)
