"""Encode the rows of one insert, and what they share once.

The rows of a fan-out differ in who gets them. Given dicts, the driver encodes the same texts for
each, and asks Python for the bytes of each UUID.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from bson import CodecOptions, UuidRepresentation, encode
from bson.raw_bson import RawBSONDocument

from storage.sealing import has_secrets, sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.encryption import FieldCipher
    from storage.notification_rows import NotificationRow

STANDARD: CodecOptions[dict[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD, tz_aware=True
)
"""How the store's clients have it (storage/client.py)."""

# An element is its type, its name and its value; a UUID is 16 bytes of binary subtype 4
# (https://bsonspec.org/spec.html). A document is its length, its elements and a zero.
UUID_VALUE = b"\x10\x00\x00\x00\x04"
ID = b"\x05_id\x00" + UUID_VALUE
_RECIPIENT_ID = b"\x05recipient_id\x00" + UUID_VALUE
_OWN_BYTES = len(ID) + len(_RECIPIENT_ID) + 2 * 16
LENGTH = Struct("<i")


def encoded(rows: Sequence[NotificationRow], cipher: FieldCipher) -> list[RawBSONDocument]:
    """Return `rows` as they are stored."""
    made: dict[int, bytes] = {}
    documents = []
    for row in rows:
        # By identity: what is equal may be encoded differently, as 1 and True are.
        first = id(row.like or row)
        rest = made.get(first)
        if rest is None:
            rest = _rest(row, cipher)
            # What is secret is encrypted for each recipient.
            if not has_secrets(row.data, row.action_buttons):
                made[first] = rest
        documents.append(
            RawBSONDocument(
                b"".join(
                    (
                        LENGTH.pack(LENGTH.size + _OWN_BYTES + len(rest)),
                        ID,
                        row.id.bytes,
                        _RECIPIENT_ID,
                        row.recipient_id.bytes,
                        rest,
                    )
                )
            )
        )
    return documents


def _rest(row: NotificationRow, cipher: FieldCipher) -> bytes:
    """Return the elements of `row` that come after its own two ids, and the end."""
    document = sealed(row.to_document(), cipher)
    del document["_id"], document["recipient_id"]
    return encode(document, codec_options=STANDARD)[LENGTH.size :]
