"""What a message has to be like to be read at all."""

from __future__ import annotations

import json

import pytest

from tests.server.ses.mails import Mail, post
from tests.support.api import Api
from tests.support.peers.sns import SnsPeer


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (b"no JSON", "body"),
        (b"[]", "body"),
        (b"{}", "Signature"),
        (json.dumps({"Type": "Greeting"}).encode(), "Type"),
        (json.dumps({"Type": "Notification", "Message": 1}).encode(), "Message"),
        (json.dumps({"Type": "SubscriptionConfirmation"}).encode(), "MessageId"),
    ],
)
async def test_what_is_no_message_of_sns_is_malformed(api: Api, message: bytes, field: str) -> None:
    answer = await post(api, message)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert field in answer.error["details"]


async def test_json_may_say_that_it_is_json(api: Api, sns: SnsPeer, sent: Mail) -> None:
    message = sns.notification(sent.told("Send"))
    json_type = {"Content-Type": "application/json"}
    assert (await post(api, message, **json_type)).status == 200
    assert (await post(api, message, **{"Content-Type": "text/html"})).status == 415


async def test_a_message_is_of_bounded_size(api: Api) -> None:
    assert (await post(api, b" " * (1 << 20))).status == 400
    assert (await post(api, b" " * ((1 << 20) + 1))).status == 413
