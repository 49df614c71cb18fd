"""Campaigns as admins make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from tests.support.api import Answer, Api, token
from tests.support.world import eventually

CAMPAIGNS = "/api/campaigns/"


def a_campaign(**changes: Any) -> dict[str, Any]:
    """Return the body of a campaign for everybody, in the app."""
    return {
        "name": "November news",
        "title": "New this month",
        "message": "Pickups on Sundays, too.",
        "notification_type": "system_announcement",
        "channels": ["in_app"],
        "audience": {},
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who makes campaigns."""

    api: Api
    id: UUID = field(default_factory=uuid4)

    @property
    def token(self) -> str:
        """Their token."""
        return token(self.id, "admin")

    async def post(self, **changes: Any) -> Answer:
        """Ask for a campaign."""
        return await self.api.post(CAMPAIGNS, self.token, a_campaign(**changes))

    async def makes(self, **changes: Any) -> dict[str, Any]:
        """Make a campaign and return it."""
        answer = await self.post(**changes)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.body
        return made

    async def asks(self, campaign_id: str, action: str) -> Answer:
        """Do something with a campaign."""
        return await self.api.post(f"{CAMPAIGNS}{campaign_id}/{action}/", self.token)

    async def does(self, campaign_id: str, action: str) -> dict[str, Any]:
        """Do something with a campaign that is possible, and return it."""
        answer = await self.asks(campaign_id, action)
        assert answer.status == 200, answer.body
        done: dict[str, Any] = answer.body
        return done

    async def sees(self, campaign_id: str) -> dict[str, Any]:
        """Return a campaign."""
        answer = await self.api.get(f"{CAMPAIGNS}{campaign_id}/", self.token)
        assert answer.status == 200, answer.body
        seen: dict[str, Any] = answer.body
        return seen

    async def waits_for(
        self, campaign_id: str, status: str = "completed", *, within_s: float = 10.0
    ) -> dict[str, Any]:
        """Return a campaign once it stands so."""

        async def stands_so() -> dict[str, Any] | None:
            seen = await self.sees(campaign_id)
            return seen if seen["status"] == status else None

        found = await eventually(stands_so, within_s=within_s)
        assert found is not None
        return found
