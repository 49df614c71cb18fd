"""A mail that SES sends, and what its messages say of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from server.service import Service
from tests.storage.samples import a_row
from tests.support.api import Answer, Api, token
from tests.support.peers.ses_events import event, mail

SES = "/api/webhooks/ses/"
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}


class Mail:
    """A mail that was sent."""

    def __init__(self, service: Service, api: Api) -> None:
        self.id, self.recipient_id = uuid4(), uuid4()
        self.message_id = f"m-{self.id}"
        self._service, self._api = service, api

    async def sent(self) -> Mail:
        now = self._service.clock.store_now()
        attempt = {"at": now, "ended_at": now, "provider_message_id": self.message_id}
        state = {
            "status": "sent",
            "sent_at": now,
            "provider_message_id": self.message_id,
            "attempts": [attempt],
        }
        row = a_row(self.recipient_id, id=self.id, channels={"email": state}, created_at=now)
        await self._service.stores.notifications.insert([row])
        return self

    def told(self, kind: str, **details: Any) -> dict[str, Any]:
        return event(kind, mail(self.id, self.recipient_id, self.message_id), **details)

    async def shown(self) -> dict[str, Any]:
        """Return it as operators see it."""
        answer = await self._api.get(
            f"/api/ops/deliveries/?user_id={self.recipient_id}", token(user_type="admin")
        )
        (found,) = answer.body["results"]
        return dict(found)

    async def feedback(self) -> list[str]:
        """Return what its recipient sees that the provider has told."""
        answer = await self._api.get(
            f"/api/notifications/{self.id}/trace/", token(self.recipient_id)
        )
        (traced,) = (each for each in answer.body["channels"] if each["channel"] == "email")
        return [each["event"] for each in traced["feedback"]]


async def post(api: Api, message: dict[str, Any] | bytes, **headers: str) -> Answer:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    return await api.post(SES, raw=raw, headers=PLAIN | headers)
