"""Uses of what is known about users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.users import ProfileChange, UsersRepository
from tests.storage.filled.asked import FOLLOWER, KNOWN, SETTLER
from tests.storage.filled.users import known_users
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


def known_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].replace_one({"_id": KNOWN[0]}, known_users()[0])


USES = [
    Use(
        UsersRepository.apply,
        lambda stores: stores.users.apply([ProfileChange(KNOWN[0], {"name": "x"}, NOON)]),
        restore=known_again,
    ),
    Use(UsersRepository.find, lambda stores: stores.users.find(KNOWN[0])),
    Use(UsersRepository.exported, lambda stores: stores.users.exported(FOLLOWER)),
    Use(UsersRepository.get, lambda stores: stores.users.get(KNOWN[0])),
    Use(UsersRepository.preferences, lambda stores: stores.users.preferences(KNOWN[0])),
    Use(
        UsersRepository.change_preferences,
        lambda stores: stores.users.change_preferences(
            KNOWN[0], {"mute_all": True}, user_type="ngo", at=NOON
        ),
        restore=known_again,
    ),
    Use(
        UsersRepository.switch,
        lambda stores: stores.users.switch(KNOWN[0], "mute_all", is_on=True, at=NOON),
        restore=known_again,
    ),
    Use(UsersRepository.recipients, lambda stores: counted(stores.users.recipients(KNOWN))),
    Use(UsersRepository.names, lambda stores: counted(stores.users.names(KNOWN))),
    Use(UsersRepository.registered_by, lambda stores: counted(stores.users.registered_by(KNOWN))),
    Use(UsersRepository.note_deleted, lambda stores: stores.users.note_deleted({SETTLER: NOON})),
    Use(
        UsersRepository.following_of,
        lambda stores: counted(stores.users.following_of([FOLLOWER, *KNOWN])),
    ),
    Use(UsersRepository.following, lambda stores: counted(stores.users.following(FOLLOWER))),
]
