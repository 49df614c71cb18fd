"""SNS is believed for what it has signed lately, of the topic that is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from tests.server.ses.mails import Mail, post
from tests.support.api import Api
from tests.support.peers.ses_events import event
from tests.support.peers.sns import TOPIC, SnsPeer, timestamp
from tests.support.service import running


async def test_a_subject_is_signed_too(api: Api, sns: SnsPeer, sent: Mail) -> None:
    message = sns.notification(sent.told("Send"), Subject="Amazon SES Email Event Notification")
    assert (await post(api, message)).status == 200
    assert (await post(api, message | {"Subject": "Another"})).status == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": json.dumps(event("Delivery"))},
        {"MessageId": str(uuid4())},
        {"Type": "UnsubscribeConfirmation", "Token": "t", "SubscribeURL": "https://x.example/"},
        {"Timestamp": timestamp(datetime.now(UTC) - timedelta(minutes=1))},
        {"Subject": "x"},
        {"Signature": "AAAA"},
        {"Signature": "not base64!"},
        {"Signature": "é"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
    ],
    ids=", ".join,
)
async def test_a_message_that_was_changed_is_refused(
    api: Api, sns: SnsPeer, sent: Mail, changes: dict[str, str]
) -> None:
    with capture_logs() as logs:
        answer = await post(api, sns.notification(sent.told("Bounce")) | changes)
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    assert "webhook_refused" in {each["event"] for each in logs}
    assert (await sent.shown())["status"] == "sent"


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.af-south-1.amazonaws.com.evil.com/a.pem",
        "https://sns.af-south-1.amazonaws.com/a.pem",
        "{url}/another",
        "{url}@127.0.0.1:1/a.pem",
    ],
)
async def test_a_certificate_from_elsewhere_is_not_even_asked_for(
    api: Api, sns: SnsPeer, sent: Mail, url: str
) -> None:
    before = sns.certificates_fetched
    named = url.format(url=sns.url)
    answer = await post(api, sns.notification(sent.told("Bounce"), SigningCertURL=named))
    assert answer.status == 403
    assert sns.certificates_fetched == before


async def test_another_topic_is_refused_whoever_signs_for_it(
    api: Api, sns: SnsPeer, sent: Mail
) -> None:
    other = TOPIC.replace("mail", "another")
    answer = await post(api, sns.notification(sent.told("Bounce"), TopicArn=other))
    assert answer.status == 403


@pytest.mark.parametrize("ago", [timedelta(minutes=59), timedelta(minutes=-59)])
async def test_what_sns_repeats_for_an_hour_is_taken(
    api: Api, sns: SnsPeer, sent: Mail, ago: timedelta
) -> None:
    then = timestamp(datetime.now(UTC) - ago)
    assert (await post(api, sns.notification(sent.told("Send"), Timestamp=then))).status == 200


@pytest.mark.parametrize(
    "then",
    [
        timedelta(minutes=-61),
        timedelta(minutes=61),
        "yesterday",
        "0001-01-01T00:00:00+23:00",
    ],
)
async def test_what_somebody_kept_and_sends_again_is_not(
    api: Api, sns: SnsPeer, sent: Mail, then: timedelta | str
) -> None:
    if isinstance(then, timedelta):
        then = timestamp(datetime.now(UTC) + then)
    assert (await post(api, sns.notification(sent.told("Bounce"), Timestamp=then))).status == 403
    assert (await sent.shown())["status"] == "sent"


async def test_who_has_named_no_topic_believes_nobody(
    mongodb_uri: str, redis_url: str, database_name: str, sns: SnsPeer
) -> None:
    for url in ("ses://af-south-1", "file:"):
        async with running(
            mongodb_uri, redis_url, f"{database_name}_2", SNB_EMAIL_URL=url
        ) as other:
            api = Api(other.settings.public_url)
            answer = await post(api, sns.notification(event("Bounce")))
            assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
            api.close()
