"""A topic is subscribed to and left, as SNS has it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.server.ses.mails import post
from tests.support.api import Api
from tests.support.peers.http_peer import Reply
from tests.support.peers.sns import TOPIC, SnsPeer


async def test_a_subscription_is_confirmed_where_sns_is(api: Api, sns: SnsPeer) -> None:
    answer = await post(api, sns.message("SubscriptionConfirmation"))
    assert (answer.status, answer.body) == (200, {"message": "Confirmed"})
    (asked,) = sns.confirmed
    assert "Action=ConfirmSubscription" in asked


async def test_a_subscription_is_not_confirmed_elsewhere(api: Api, sns: SnsPeer) -> None:
    for url in ("https://evil.example/?Action=ConfirmSubscription", "http://127.0.0.1:1/"):
        message = sns.message("SubscriptionConfirmation", SubscribeURL=url)
        assert (await post(api, message)).status == 403
    other = TOPIC.replace("mail", "another")
    message = sns.message("SubscriptionConfirmation", TopicArn=other)
    assert (await post(api, message)).status == 403
    assert sns.confirmed == []


@pytest.mark.parametrize("reply", [Reply(500), Reply(404), Reply(302), Reply(is_cut=True)])
async def test_what_could_not_be_confirmed_is_to_be_asked_again(
    api: Api, sns: SnsPeer, reply: Reply
) -> None:
    message = sns.message("SubscriptionConfirmation")
    # By a certificate that is known.
    assert (await post(api, sns.notification("{}"))).status == 200
    sns.instead = reply
    assert (await post(api, message)).status == 503


async def test_the_end_of_a_subscription_is_only_noted(api: Api, sns: SnsPeer) -> None:
    with capture_logs() as logs:
        answer = await post(api, sns.message("UnsubscribeConfirmation"))
    assert (answer.status, answer.body) == (200, {"message": "Unsubscribed"})
    assert "sns_unsubscribed" in {each["event"] for each in logs}
    assert sns.confirmed == []


async def test_a_confirmation_has_what_it_is_confirmed_by(api: Api, sns: SnsPeer) -> None:
    message = sns.message("SubscriptionConfirmation")
    del message["Token"]
    answer = await post(api, message)
    assert (answer.status, list(answer.error["details"])) == (400, ["Token"])
