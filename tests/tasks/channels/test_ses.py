from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from tornado.testing import bind_unused_port

from config.providers import Provider
from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.channels.mail import Mailer
from tasks.channels.ses import SesSender
from tasks.emails.templates import FileTemplates
from tasks.letter import EmailAddress
from tasks.permit import Permit, PermitExpired
from tests.support.peers.aws import AwsPeer, aws_peer
from tests.support.peers.http_peer import Reply
from tests.support.peers.ses import SesPeer, ses_peer
from tests.tasks.letters import NOTIFICATION, RECIPIENT, letter

ALWAYS = Permit(float("inf"))
THANDI = EmailAddress("thandi@example.org")
PUBLIC_URL = "https://savenbite.example"
REGION = "af-south-1"

# botocore's own.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret for tests")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def sender_at(url: str, *, timeout_s: float = 3.0, **options: str) -> SesSender:
    provider = Provider(
        scheme="ses",
        host=REGION,
        options={"endpoint": url, **options},
        concurrency=4,
        timeout_s=timeout_s,
    )
    pages = UnsubscribeLinks([b"k" * 32], PUBLIC_URL)
    return SesSender(
        provider,
        Mailer(FileTemplates(PUBLIC_URL), pages, sender="Brot für alle <post@savenbite.example>"),
    )


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsPeer]:
    with aws_peer() as peer:
        yield peer


@pytest.fixture
async def sender(aws: AwsPeer) -> AsyncIterator[SesSender]:
    aws.reset()
    # What it serves it loads when it is first asked for it.
    made = sender_at(aws.url, timeout_s=60.0)
    yield made
    await made.close()


def verify(aws: AwsPeer) -> None:
    client = boto3.client("sesv2", region_name=REGION, endpoint_url=aws.url)
    client.create_email_identity(EmailIdentity="post@savenbite.example")
    client.close()


async def test_a_mail_arrives_whole(aws: AwsPeer, sender: SesSender) -> None:
    verify(aws)
    outcome = await sender.send(letter(title="Brood by é bakkery"), THANDI, ALWAYS)
    assert isinstance(outcome, Sent)
    assert outcome.provider_message_id
    (mail,) = aws.mails()
    assert mail["From"] == "Brot für alle <post@savenbite.example>"
    assert mail["To"] == "Thandi Nkosi <thandi@example.org>"
    assert mail["Subject"] == "Brood by é bakkery"
    assert mail["List-Unsubscribe"].startswith(f"<{PUBLIC_URL}/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_sender_that_is_not_verified_is_refused(aws: AwsPeer, sender: SesSender) -> None:
    outcome = await sender.send(letter(), THANDI, ALWAYS)
    assert outcome == Permanent("400 MessageRejected")
    assert aws.mails() == []


async def test_without_a_permit_nothing_is_sent(aws: AwsPeer, sender: SesSender) -> None:
    verify(aws)
    with pytest.raises(PermitExpired):
        await sender.send(letter(), THANDI, Permit(0.0))
    assert aws.mails() == []


@pytest.fixture
async def ses() -> AsyncIterator[SesPeer]:
    async with ses_peer() as peer:
        yield peer


def refusal(status: int, code: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"message": "refused"}, {"X-Amzn-ErrorType": code, **named})


async def test_tags_lead_back_to_the_notification(ses: SesPeer) -> None:
    sender = sender_at(ses.url, configuration_set="feedback")
    assert await sender.send(letter(), THANDI, ALWAYS) == Sent("m-1")
    (request,) = ses.requests
    assert request["EmailTags"] == [
        {"Name": "notification_id", "Value": str(NOTIFICATION)},
        {"Name": "recipient_id", "Value": str(RECIPIENT)},
    ]
    assert request["ConfigurationSetName"] == "feedback"
    assert request["FromEmailAddress"] == "post@savenbite.example"
    assert request["Destination"] == {"ToAddresses": ["thandi@example.org"]}
    await sender.close()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refusal(400, "MessageRejected"), Permanent("400 MessageRejected")),
        (refusal(400, "BadRequestException"), Permanent("400 BadRequestException")),
        (refusal(429, "TooManyRequestsException"), Transient("429 TooManyRequestsException")),
        (
            refusal(429, "TooManyRequestsException", Retry_After="7"),
            Transient("429 TooManyRequestsException", timedelta(seconds=7)),
        ),
        (refusal(400, "SendingPausedException"), Transient("400 SendingPausedException")),
        (refusal(403, "AccessDeniedException"), Transient("403 AccessDeniedException")),
        (refusal(500, "InternalFailure"), Transient("500 InternalFailure")),
        (refusal(503, "ServiceUnavailable"), Transient("503 ServiceUnavailable")),
        (refusal(502, "BadGateway"), Uncertain("502 BadGateway")),
        (refusal(504, "GatewayTimeout"), Uncertain("504 GatewayTimeout")),
        (Reply(after_s=4.5, body={"MessageId": "late"}), Uncertain("ReadTimeoutError")),
        (Reply(is_cut=True), Uncertain("ConnectionClosedError")),
    ],
)
async def test_each_answer_has_its_outcome_at_once(
    ses: SesPeer, reply: Reply, outcome: Outcome
) -> None:
    ses.answer = lambda: reply
    sender = sender_at(ses.url)
    assert await sender.send(letter(), THANDI, ALWAYS) == outcome
    # The SDK's own retries would make several of it.
    assert len(ses.requests) == 1
    await sender.close()


async def test_who_cannot_be_reached_has_not_got_it() -> None:
    socket, port = bind_unused_port()
    socket.close()
    sender = sender_at(f"http://127.0.0.1:{port}")
    assert await sender.send(letter(), THANDI, ALWAYS) == Transient("EndpointConnectionError")
    await sender.close()


async def test_without_credentials_nothing_leaves(
    ses: SesPeer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    sender = sender_at(ses.url)
    assert await sender.send(letter(), THANDI, ALWAYS) == Transient("NoCredentialsError")
    assert ses.requests == []
    await sender.close()


async def test_what_is_no_address_is_not_even_tried(ses: SesPeer) -> None:
    sender = sender_at(ses.url)
    outcome = await sender.send(letter(), EmailAddress("nonsense"), ALWAYS)
    assert outcome == Permanent("not an address", Reason.ADDRESS_GONE)
    assert ses.requests == []
    await sender.close()


async def test_mails_are_sent_side_by_side(ses: SesPeer) -> None:
    ses.answer = lambda: Reply(after_s=0.2, body={"MessageId": "m"})
    sender = sender_at(ses.url)
    outcomes = await asyncio.gather(*(sender.send(letter(), THANDI, ALWAYS) for _ in range(4)))
    assert outcomes == [Sent("m")] * 4
    await sender.close()
