"""Uses of the devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.devices import DevicesRepository
from tests.storage.filled.asked import DEVICES, LATER, OWNER, SETTLER, TOKENS
from tests.storage.filled.device_tokens import a_users_claims
from tests.storage.filled.users import a_users_devices
from tests.storage.uses.use import Use, counted, without

if TYPE_CHECKING:
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


async def devices_again(database: AsyncIOMotorDatabase[Document]) -> None:
    claims = a_users_claims()
    await without("device_tokens", [row["_id"] for row in claims])(database)
    await database["device_tokens"].insert_many(claims)
    await database["users"].update_many(
        {"_id": {"$in": [OWNER, SETTLER]}}, {"$set": {"devices": []}}
    )
    await database["users"].update_one({"_id": OWNER}, {"$set": {"devices": a_users_devices()}})


def register(user_id: UUID) -> Use:
    async def run(stores: Stores) -> str:
        described = {"platform": "ios"}
        _, is_new = await stores.devices.register(
            user_id, TOKENS[3], described, user_type="ngo", at=LATER
        )
        return "added" if is_new else "refreshed"

    return Use(DevicesRepository.register, run, restore=devices_again)


USES = [
    register(OWNER),
    register(SETTLER),
    Use(
        DevicesRepository.deactivate,
        lambda stores: stores.devices.deactivate(OWNER, DEVICES[0]),
        restore=devices_again,
    ),
    Use(
        DevicesRepository.owned,
        lambda stores: counted(stores.devices.owned(OWNER)),
        restore=devices_again,
    ),
    Use(
        DevicesRepository.remove,
        lambda stores: stores.devices.remove(OWNER, DEVICES[3]),
        restore=devices_again,
    ),
]
