"""Take apart what the store has sent, where thousands of documents are read and little of each.

The driver decodes a document in C but for its UUIDs, which it makes in Python: they were half of
what reading a follower and a recipient took. Here ids stay bytes until they are wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import decode_all

from storage.row_encoding import ID, LENGTH, STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document

ID_BEGINS = LENGTH.size + len(ID)
ID_ENDS = ID_BEGINS + 16
"""An id is the first element of a document, whoever wrote it in which order
(https://www.mongodb.com/docs/manual/core/document/#the-_id-field)."""


def documents_of(batch: bytes) -> Iterator[bytes]:
    """Yield the documents that `batch` is made of, one behind the other (bsonspec.org)."""
    begins = 0
    while begins < len(batch):
        (length,) = LENGTH.unpack_from(batch, begins)
        yield batch[begins : begins + length]
        begins += length


def by_id(batch: bytes) -> Iterator[tuple[bytes, Document]]:
    """Yield what each document of `batch` says beside its id, a UUID, with the bytes of that."""
    ids: list[bytes] = []
    rests: list[bytes] = []
    for document in documents_of(batch):
        ids.append(document[ID_BEGINS:ID_ENDS])
        rests += (LENGTH.pack(len(document) - ID_ENDS + LENGTH.size), document[ID_ENDS:])
    yield from zip(ids, decode_all(b"".join(rests), STANDARD), strict=True)
