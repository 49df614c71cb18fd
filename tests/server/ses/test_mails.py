"""Amazon SES tells what became of mails, by SNS (contract section 5)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from server.service import Service
from tests.server.figures import figure
from tests.server.ses.mails import Mail, post
from tests.support.api import Api
from tests.support.peers.ses_events import ADDRESS, event, feedback_notification, mail
from tests.support.peers.sns import SnsPeer


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
