"""Uses of opt-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.opt_outs import OptOuts
from tests.storage.filled.asked import OPTED_OUT_AT
from tests.storage.filled.opt_outs import GATHERED
from tests.storage.filled.users import OPTED_OUT, users_who_opted_out
from tests.storage.samples import MINUTE
from tests.storage.uses.use import Use

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

UNTIL = OPTED_OUT_AT + MINUTE


async def noted_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await database["users"].delete_many({"_id": {"$in": OPTED_OUT}})
    await database["users"].insert_many(users_who_opted_out())
    await database["opt_outs"].delete_many({"at": OPTED_OUT_AT, "_id": {"$nin": GATHERED}})


USES = [
    Use(
        OptOuts.gather,
        lambda stores: stores.opt_outs.gather(before=UNTIL),
        ("opted_out",),
        noted_again,
    ),
    Use(
        OptOuts.count,
        lambda stores: stores.opt_outs.count(OPTED_OUT_AT, UNTIL),
        ("opted_out", "at"),
        noted_again,
    ),
]
