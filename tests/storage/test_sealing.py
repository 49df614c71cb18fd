"""What is private in a notification cannot be read from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.encryption import DecryptionError, FieldCipher
from storage.sealing import SECRET_NAMES, opened, sealed
from tests.storage.samples import KEY, MINUTE, NOON, a_row

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

DATA: dict[str, Any] = {
    "order_number": "7",
    "contact_person": "Thandi",
    "contact_phone": "+27123456789",
    "confirmation_code": {"code": ["ABC123", None]},
}
BUTTONS = [{"text": "Call", "action": "call", "phone": "+27123456789"}, {"text": "Go", "url": "/"}]


async def test_rows_are_stored_sealed_and_read_in_clear(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    reader = uuid4()
    row = a_row(reader, data=DATA, action_buttons=BUTTONS)
    await stores.notifications.insert([row])
    stored = await database["notifications"].find_one({"_id": row.id})
    assert stored is not None
    for secret in ("Thandi", "+27123456789", "ABC123"):
        assert secret not in repr(stored["data"]) + repr(stored["action_buttons"])
    assert stored["data"]["order_number"] == "7"
    assert await stores.notifications.find(reader, row.id) == row
    # An insert that is done again returns what is stored.
    assert await stores.notifications.insert([row]) == [row]
    (exported,) = [
        found async for some in stores.history.of(reader, until=NOON + MINUTE) for found in some
    ]
    assert (exported["data"], exported["action_buttons"]) == (DATA, BUTTONS)


def test_what_holds_no_secret_is_left_as_it_is() -> None:
    cipher = FieldCipher([KEY])
    document = a_row(uuid4()).to_document()
    assert sealed(document, cipher) is document
    assert opened(document, cipher) is document


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_each_secret_is_sealed_for_its_recipient(name: str) -> None:
    cipher, reader = FieldCipher([KEY]), uuid4()
    document = sealed(a_row(reader, data={name: 7}).to_document(), cipher)
    assert isinstance(document["data"][name], bytes)
    assert opened(document, cipher)["data"] == {name: 7}
    with pytest.raises(DecryptionError):
        opened({**document, "recipient_id": UUID(int=1)}, cipher)
