"""Uses of where people can be reached."""

from __future__ import annotations

from storage.contacts import ContactsRepository
from tests.storage.filled.asked import KNOWN
from tests.storage.uses.use import Use, counted

USES = [
    Use(
        ContactsRepository.find_many,
        lambda stores: counted(stores.contacts.find_many(KNOWN, "email")),
    ),
    Use(
        ContactsRepository.find_many,
        lambda stores: counted(stores.contacts.find_many(KNOWN, "push")),
    ),
]
