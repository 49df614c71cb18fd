"""Who failed to authenticate too often opens no more sockets for a while."""

from __future__ import annotations

import json

import pytest
from tornado.httpclient import HTTPClientError

from tests.server.limits.limited import DEVICES, addresses
from tests.support.api import Api, token
from tests.support.sockets import Socket


async def fail_to_authenticate(api: Api, address: str) -> None:
    socket = await Socket.open(api.base_url, headers={"X-Forwarded-For": address})
    await socket.send(type="authenticate", token="garbage")
    await socket.expect("authentication_failed")
    assert await socket.closed() == 4401


async def test_handshakes_are_refused_after_so_many_failed_authentications(
    api: Api, other: Api, address: str
) -> None:
    headers = {"X-Forwarded-For": address}
    for each in (api, other, api, other):
        await fail_to_authenticate(each, address)
    for each in (api, other):
        with pytest.raises(HTTPClientError) as caught:
            await Socket.open(each.base_url, headers=headers)
        assert caught.value.code == 429
        response = caught.value.response
        assert response is not None
        assert json.loads(response.body)["error"]["code"] == "RATE_LIMITED"
        assert 3_580 < int(response.headers["Retry-After"]) <= 3_600
        assert response.headers["RateLimit-Remaining"] == "0"
    assert (await api.get(DEVICES, headers=headers)).status == 401
    await fail_to_authenticate(api, next(addresses))


async def test_a_token_in_the_handshake_is_counted_like_one_in_a_message(
    api: Api, address: str
) -> None:
    headers = {"X-Forwarded-For": address, "Authorization": "Bearer garbage"}
    for _ in range(4):
        socket = await Socket.open(api.base_url, headers=headers)
        await socket.expect("authentication_failed")
        assert await socket.closed() == 4401
    with pytest.raises(HTTPClientError, match="429"):
        await Socket.open(api.base_url, headers=headers)


async def test_handshakes_that_succeed_are_as_many_as_one_likes(api: Api, address: str) -> None:
    bearer = token()
    for _ in range(8):
        socket = await Socket.open(
            api.base_url,
            headers={"X-Forwarded-For": address, "Authorization": f"Bearer {bearer}"},
        )
        await socket.expect("authentication_success")
        socket.close()


async def test_a_renewed_token_that_is_no_good_is_a_failed_authentication_too(
    api: Api, address: str
) -> None:
    headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {token()}"}
    for _ in range(4):
        socket = await Socket.open(api.base_url, headers=headers)
        await socket.expect("authentication_success")
        await socket.send(type="authenticate", token="garbage")
        await socket.expect("authentication_failed")
        socket.close()
    with pytest.raises(HTTPClientError, match="429"):
        await Socket.open(api.base_url, headers=headers)
