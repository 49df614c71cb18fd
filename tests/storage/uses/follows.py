"""Uses of the follows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rules.ids import follow_id
from storage.follows import FollowsRepository
from tests.storage.filled.asked import BAKERY, DAIRY, FOLLOWER, KNOWN, LATER, SETTLER
from tests.storage.samples import NOON
from tests.storage.uses.follow_changes import A_FOLLOW
from tests.storage.uses.use import Use, counted, counted_in_parts, without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.stores import Stores


def followed(index: str, **wanted: Any) -> Iterator[Use]:
    wanted |= {"since": NOON, "before": LATER}
    yield Use(
        FollowsRepository.followed,
        lambda stores: counted(stores.follows.followed(BAKERY, **wanted)),
        (index,),
    )
    yield Use(
        FollowsRepository.followed_count,
        lambda stores: stores.follows.followed_count(BAKERY, **wanted),
        (index,),
    )


AN_UNFOLLOW = replace(A_FOLLOW, token=UUID(int=2), is_following=False, revision=2)


async def follow_and_unfollow(stores: Stores) -> int:
    """Change a row that is there."""
    await stores.follows.record([A_FOLLOW])
    return len(await stores.follows.record([AN_UNFOLLOW]))


USES = [
    Use(
        FollowsRepository.range,
        lambda stores: counted(stores.follows.range(BAKERY, slot_from=0, slot_to=8, limit=5_000)),
        ("business_active_slot",),
    ),
    *followed("business_active_followed"),
    *followed("business_active_user_type_followed", user_type="ngo"),
    Use(
        FollowsRepository.count,
        lambda stores: stores.follows.count(DAIRY),
        ("business_active_followed",),
    ),
    Use(
        FollowsRepository.find,
        lambda stores: stores.follows.find(BAKERY, KNOWN[3]),
        ("business_user",),
    ),
    Use(
        FollowsRepository.exported,
        lambda stores: counted_in_parts(stores.follows.exported(FOLLOWER)),
        ("follower",),
    ),
    Use(
        FollowsRepository.find_many,
        lambda stores: counted(stores.follows.find_many(FOLLOWER, KNOWN)),
    ),
    Use(
        FollowsRepository.record,
        lambda stores: stores.follows.record([A_FOLLOW]),
        restore=without("follows", [follow_id(BAKERY, SETTLER)]),
    ),
    Use(
        FollowsRepository.record,
        follow_and_unfollow,
        restore=without("follows", [follow_id(BAKERY, SETTLER)]),
    ),
]
