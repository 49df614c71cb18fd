"""A store of inboxes that may lose what it acknowledges."""

from __future__ import annotations

from typing import Any

from storage.client import StoreUnavailable
from storage.notifications import NotificationsRepository


class DoubtfulStore:
    """The store of inboxes, whose deletions may take effect and not be acknowledged."""

    def __init__(self, notifications: NotificationsRepository) -> None:
        self._notifications = notifications
        self.is_in_doubt = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notifications, name)

    async def delete(self, *args: Any, **options: Any) -> bool:
        """Delete one, and say so unless in doubt."""
        is_deleted = await self._notifications.delete(*args, **options)
        if self.is_in_doubt:
            raise StoreUnavailable("deadline")
        return is_deleted
