"""What a user wants to be told, and how (contract section 2.2)."""

from __future__ import annotations

from rules.rate_limits import RateScope
from server.auth import INBOX_OWNERS
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.schemas.preferences import PREFERENCES, PreferencesChanged, PreferencesShown
from server.views import preferences_record


class PreferencesHandler(ApiHandler):
    """`GET` and `PUT /api/notifications/preferences/`."""

    roles = {"GET": INBOX_OWNERS, "PUT": INBOX_OWNERS}
    operations = {
        "GET": Operation(answers={200: PreferencesShown}),
        "PUT": Operation(body=PREFERENCES, answers={200: PreferencesChanged}),
    }
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def get(self) -> None:
        """Show all preferences, set or not."""
        preferences = await self.service.stores.users.preferences(self.principal.user_id)
        self.answer({"preferences": preferences_record(preferences)})

    async def put(self) -> None:
        """Change the given keys; the next notification is decided by them."""
        changes = self.json_body()
        principal = self.principal
        users = self.service.stores.users
        await users.change_preferences(
            principal.user_id,
            changes,
            user_type=principal.user_type.value,
            at=self.service.clock.store_now(),
        )
        preferences = await users.preferences(principal.user_id)
        self.answer(
            {
                "message": "Notification preferences updated successfully",
                "preferences": preferences_record(preferences),
            }
        )


ROUTES = [(r"/api/notifications/preferences/?", PreferencesHandler)]
