"""A baker's business, and others'."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from tests.storage.filled.asked import BAKER, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    yield {"_id": UUID(int=OTHERS - 1), "name": "b", "owner_id": BAKER}
    for n in count():
        yield {"_id": UUID(int=n), "name": "b", "owner_id": UUID(int=OTHERS + n)}
