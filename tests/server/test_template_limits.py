"""Templates have bounds: how many there are, and how many write one at once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server.mail_templates import MOST_TEMPLATES
from server.service import Service
from storage import templates
from tests.support.api import Api, token

SOURCE = {"subject": "Hi", "html": "<p>{{ title }}</p>", "text": "{{ title }}"}
ADMIN = token(user_type="admin")


async def test_when_too_many_write_at_once_one_has_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "ATTEMPTS", 0)
    answer = await api.put("/api/templates/welcome/", ADMIN, SOURCE)
    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")


async def test_there_is_room_for_so_many_names(api: Api, service: Service) -> None:
    for number in range(MOST_TEMPLATES):
        await service.stores.templates.add(
            name=f"t{number}",
            locale="en",
            **SOURCE,
            by=uuid4(),
            at=service.clock.store_now(),
            after=0,
        )
    answer = await api.put("/api/templates/one_more/", ADMIN, SOURCE)
    assert answer.error["details"] == {"name": [f"There can be at most {MOST_TEMPLATES} templates"]}
    for known in ("t0", "welcome"):
        assert (await api.put(f"/api/templates/{known}/", ADMIN, SOURCE)).status == 200
    listed = await api.get("/api/templates/?page_size=1", ADMIN)
    assert listed.body["count"] > MOST_TEMPLATES
