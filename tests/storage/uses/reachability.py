"""Uses of what is known about addresses that reach nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.reachability import Reachability
from tests.storage.filled.asked import LOST_NUMBERS, LOST_USERS
from tests.storage.filled.suppressions import lost_numbers
from tests.storage.filled.users import users_of_lost_numbers
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, without

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


async def lost_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await without("suppressions", [row["_id"] for row in lost_numbers()])(database)
    await database["suppressions"].insert_many(lost_numbers())
    for user in users_of_lost_numbers():
        await database["users"].replace_one({"_id": user["_id"]}, user, upsert=True)


USES = [
    Use(
        Reachability.lose,
        lambda stores: stores.reachability.lose(
            "sms", LOST_NUMBERS[0], reason="", user_id=LOST_USERS[0], at=NOON
        ),
        restore=lost_again,
    ),
    Use(
        Reachability.lost,
        lambda stores: counted(
            stores.reachability.lost("sms", dict(zip(LOST_USERS, LOST_NUMBERS, strict=True)))
        ),
        restore=lost_again,
    ),
    Use(
        Reachability.regain,
        lambda stores: stores.reachability.regain("sms", LOST_NUMBERS[3]),
        ("unreachable_sms",),
        lost_again,
    ),
]
