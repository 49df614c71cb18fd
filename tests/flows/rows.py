"""What is stored, beside what the service tells."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pymongo

from tests.support.world import eventually


class Rows:
    """Looks at the rows of one database."""

    def __init__(self, mongodb_uri: str, database: str) -> None:
        self._database = pymongo.MongoClient[dict[str, Any]](
            mongodb_uri, uuidRepresentation="standard"
        )[database]

    def close(self) -> None:
        """Close the connection."""
        self._database.client.close()

    def count(self, business_id: UUID) -> int:
        """Count the notifications of a business."""
        return self._database["notifications"].count_documents({"business_id": business_id})

    def recipients(self, business_id: UUID) -> list[UUID]:
        """Return who has a notification of a business, as often as they have."""
        found = self._database["notifications"].find({"business_id": business_id})
        return [row["recipient_id"] for row in found]

    async def settled(self, *, within_s: float = 120.0) -> None:
        """Wait until no event waits to be carried out."""

        async def is_done() -> bool:
            return self._database["events"].count_documents({"state": "pending"}) == 0

        await eventually(is_done, within_s=within_s)
