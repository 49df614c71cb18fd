"""Amazon SES tells what became of mails, by SNS, which signs it (contract section 5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from server.service import Service
from tests.server.figures import figure
from tests.storage.samples import a_row
from tests.support.api import Answer, Api, token
from tests.support.peers.http_peer import Reply
from tests.support.peers.ses_events import ADDRESS, event, feedback_notification, mail
from tests.support.peers.sns import (
    TOPIC,
    SnsPeer,
    sns_peer,
    timestamp,
)
from tests.support.service import running

SES = "/api/webhooks/ses/"
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}


@pytest.fixture(scope="module")
async def sns() -> AsyncIterator[SnsPeer]:
    async with sns_peer() as peer:
        yield peer


@pytest.fixture(autouse=True)
def sns_is_well(sns: SnsPeer) -> None:
    sns.instead = None
    sns.confirmed.clear()


@pytest.fixture(scope="module")
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, sns: SnsPeer
) -> AsyncIterator[Service]:
    """Run one server process that is connected to SES."""
    url = f"ses://af-south-1?topic_arn={TOPIC}&sns_endpoint={sns.url}"
    async with running(mongodb_uri, redis_url, database_name, SNB_EMAIL_URL=url) as started:
        yield started


@pytest.fixture
def admin() -> str:
    return token(user_type="admin")


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


@pytest.fixture
async def sent(service: Service, api: Api) -> Mail:
    return await Mail(service, api).sent()


async def post(api: Api, message: dict[str, Any] | bytes, **headers: str) -> Answer:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    return await api.post(SES, raw=raw, headers=PLAIN | headers)


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_mail_that_is_delivered_is_shown_as_such(
    api: Api, sns: SnsPeer, sent: Mail, version: str
) -> None:
    answer = await post(api, sns.notification(sent.told("Delivery"), version=version))
    assert (answer.status, answer.body) == (200, {"message": "Settled"})
    shown = await sent.shown()
    assert (shown["status"], shown["reason"]) == ("delivered", None)
    assert await sent.feedback() == ["delivered"]
    answer = await post(api, sns.notification(sent.told("Delivery"), version=version))
    assert answer.body == {"message": "Repeated"}
    assert await sent.feedback() == ["delivered"]


async def test_a_subject_is_signed_too(api: Api, sns: SnsPeer, sent: Mail) -> None:
    message = sns.notification(sent.told("Send"), Subject="Amazon SES Email Event Notification")
    assert (await post(api, message)).status == 200
    assert (await post(api, message | {"Subject": "Another"})).status == 403


async def test_what_bounces_is_written_to_no_more(
    api: Api, service: Service, sns: SnsPeer, sent: Mail
) -> None:
    address = f"{uuid4()}@Example.org"
    recipients = [{"emailAddress": address, "status": "5.1.1"}]
    with capture_logs() as logs:
        message = sns.notification(sent.told("Bounce", bouncedRecipients=recipients))
        assert (await post(api, message)).status == 200
    shown = await sent.shown()
    assert (shown["status"], shown["reason"]) == ("bounced", "address_gone")
    assert shown["last_error"] == "Permanent/General 5.1.1"
    suppressions = service.stores.suppressions
    both = {address.lower(), ADDRESS}
    assert await suppressions.suppressed(both) == {address.lower()}
    assert str(sent.id) in str(logs)
    assert address.lower() not in str(logs).lower()


async def test_what_may_pass_is_recorded_and_not_suppressed(
    api: Api, service: Service, sns: SnsPeer, sent: Mail
) -> None:
    address = f"{uuid4()}@example.org"
    details = {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": address}]}
    answer = await post(api, sns.notification(sent.told("Bounce", **details)))
    assert answer.body == {"message": "Recorded"}
    assert (await sent.shown())["status"] == "sent"
    assert await sent.feedback() == ["soft_bounced"]
    assert await service.stores.suppressions.suppressed({address}) == set()


async def test_a_complaint_outranks_what_comes_later(
    api: Api, service: Service, sns: SnsPeer, sent: Mail
) -> None:
    address = f"{uuid4()}@example.org"
    complaint = sent.told("Complaint", complainedRecipients=[{"emailAddress": address}])
    for told in (complaint, sent.told("Delivery"), sent.told("Send")):
        assert (await post(api, sns.notification(told))).status == 200
    assert (await sent.shown())["status"] == "complained"
    assert await sent.feedback() == ["complained", "delivered", "sent"]
    assert await service.stores.suppressions.suppressed({address}) == {address}


async def test_a_mail_that_ses_rejects_has_failed(api: Api, sns: SnsPeer, sent: Mail) -> None:
    assert (await post(api, sns.notification(sent.told("Reject")))).status == 200
    shown = await sent.shown()
    assert (shown["status"], shown["reason"]) == ("failed", "rejected")


async def test_the_older_shape_is_found_without_its_recipient(
    api: Api, sns: SnsPeer, sent: Mail
) -> None:
    of = mail(sent.id, sent.recipient_id, sent.message_id, tags=None)
    assert (await post(api, sns.notification(feedback_notification("Delivery", of)))).status == 200
    assert (await sent.shown())["status"] == "delivered"


async def test_what_is_of_no_mail_of_ours_is_counted(api: Api, sns: SnsPeer) -> None:
    name, labels = "snb_provider_feedback_total", {"provider": "ses"}
    before = await figure(api, name, **labels, outcome="unmatched")
    for of in (mail(uuid4(), uuid4()), mail(tags=None, headers=None)):
        answer = await post(api, sns.notification(event("Delivery", of)))
        assert (answer.status, answer.body) == (200, {"message": "Unmatched"})
    assert await figure(api, name, **labels, outcome="unmatched") == before + 2


@pytest.mark.parametrize(
    "message", ["Successfully validated SNS topic for Amazon SES event publishing.", "{}"]
)
async def test_what_says_nothing_is_taken_and_dropped(api: Api, sns: SnsPeer, message: str) -> None:
    answer = await post(api, sns.notification(message))
    assert (answer.status, answer.body) == (200, {"message": "Ignored"})


async def test_what_is_signed_and_no_event_is_malformed(api: Api, sns: SnsPeer) -> None:
    answer = await post(api, sns.notification({"eventType": "Bounce"}))
    assert answer.status == 400
    assert answer.error["details"] == {"Message": ["Not an event of Amazon SES."]}


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


async def test_a_confirmation_has_what_it_is_confirmed_by(api: Api, sns: SnsPeer) -> None:
    message = sns.message("SubscriptionConfirmation")
    del message["Token"]
    answer = await post(api, message)
    assert (answer.status, list(answer.error["details"])) == (400, ["Token"])


async def test_json_may_say_that_it_is_json(api: Api, sns: SnsPeer, sent: Mail) -> None:
    message = sns.notification(sent.told("Send"))
    json_type = {"Content-Type": "application/json"}
    assert (await post(api, message, **json_type)).status == 200
    assert (await post(api, message, **{"Content-Type": "text/html"})).status == 415


async def test_a_message_is_of_bounded_size(api: Api) -> None:
    assert (await post(api, b" " * (1 << 20))).status == 400
    assert (await post(api, b" " * ((1 << 20) + 1))).status == 413


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
