"""Channels are paused and resumed by operators (contract section 2.6)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.support.api import Api, token


@pytest.fixture
def admin_id() -> UUID:
    return uuid4()


@pytest.fixture
def admin(admin_id: UUID) -> str:
    return token(admin_id, "admin")


@pytest.mark.parametrize("channel", ["email", "push", "sms"])
async def test_a_channel_is_paused_and_resumed(
    api: Api, admin: str, admin_id: UUID, channel: str
) -> None:
    paused = await api.post(f"/api/ops/channels/{channel}/pause/", admin)
    assert paused.status == 200
    at = paused.body["at"]
    assert paused.body == {"channel": channel, "is_paused": True, "by": str(admin_id), "at": at}
    resumed = await api.post(f"/api/ops/channels/{channel}/resume", admin, {})
    assert (resumed.status, resumed.body["is_paused"]) == (200, False)
    assert resumed.body["at"] >= at


async def test_again_is_no_error_and_the_first_counts(api: Api, admin: str) -> None:
    first = await api.post("/api/ops/channels/email/pause/", admin)
    again = await api.post("/api/ops/channels/email/pause/", token(user_type="admin"))
    assert (again.status, again.body) == (200, first.body)


@pytest.mark.parametrize("channel", ["in_app", "fax"])
async def test_other_channels_are_not_there(api: Api, admin: str, channel: str) -> None:
    answer = await api.post(f"/api/ops/channels/{channel}/pause/", admin)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_a_field_is_refused(api: Api, admin: str) -> None:
    answer = await api.post("/api/ops/channels/sms/pause/", admin, {"for_s": 60})
    assert (answer.status, set(answer.error["details"])) == (400, {"for_s"})
