"""From a mail or an SMS to what its provider tells back, and what that changes for the next one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from twilio.request_validator import RequestValidator

from server.service import Service
from tests.flows.deliveries import WorkerProcess
from tests.support.api import Api, token
from tests.support.peers.http_peer import Reply
from tests.support.peers.ses import SesPeer, ses_peer
from tests.support.peers.ses_events import event, mail
from tests.support.peers.sns import TOPIC, SnsPeer, sns_peer, timestamp
from tests.support.peers.twilio import ACCOUNT, TOKEN, TwilioPeer
from tests.support.service import running
from tests.support.world import Person, World

NEVER_QUIET = {"quiet_hours": {"enabled": False}}
PHONE = "+27821234567"
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

pytestmark = pytest.mark.timeout(seconds=300)


@pytest.fixture
async def sns() -> AsyncIterator[SnsPeer]:
    async with sns_peer() as peer:
        yield peer


@pytest.fixture
async def ses() -> AsyncIterator[SesPeer]:
    async with ses_peer() as peer:
        yield peer


@pytest.fixture
def providers(sns: SnsPeer, ses: SesPeer, twilio: TwilioPeer, queue_url: str) -> dict[str, str]:
    """Return the settings that lead to the peers, and to the queue."""
    topic = f"topic_arn={TOPIC}&sns_endpoint={sns.url}"
    account = f"{ACCOUNT}:{quote(TOKEN)}"
    return {
        "SNB_QUEUE_REDIS_URL": queue_url,
        "SNB_EMAIL_URL": f"ses://af-south-1?endpoint={ses.url}&{topic}",
        "SNB_SMS_URL": f"twilio://{account}@/?from=+27100000000&endpoint={twilio.url}",
    }


@pytest.fixture
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, providers: dict[str, str]
) -> AsyncIterator[Service]:
    """Run one server process that is connected to both."""
    async with running(mongodb_uri, redis_url, database_name, **providers) as started:
        yield started


@pytest.fixture
async def world(service: Service) -> AsyncIterator[World]:
    """Make things happen."""
    api = Api(service.settings.public_url)
    yield World(api)
    api.close()


@pytest.fixture(autouse=True)
async def worker(
    service: Service,
    providers: dict[str, str],
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    tmp_path: Path,
) -> AsyncIterator[WorkerProcess]:
    """Run a worker that sends by both."""
    public_url = service.settings.public_url
    callback = f"{public_url}/api/webhooks/twilio/"
    sms = f"{providers['SNB_SMS_URL']}&status_callback={callback}"
    started = WorkerProcess(
        mongodb_uri,
        redis_url,
        database_name,
        tmp_path / "worker.log",
        **providers | {"SNB_SMS_URL": sms},
        SNB_PUBLIC_URL=public_url,
        SNB_DATA_DIR=str(tmp_path),
        AWS_ACCESS_KEY_ID="AKIDTESTS",
        AWS_SECRET_ACCESS_KEY="a secret for tests",
        AWS_EC2_METADATA_DISABLED="true",
    )
    await started.start()
    yield started
    assert started.stop() == 0


async def reachable(world: World) -> Person:
    person = await world.person(email=f"{uuid4()}@example.org", phone=PHONE)
    await world.prefer(person, **NEVER_QUIET)
    return person


async def send(world: World, person: Person, channel: str) -> str:
    answer = await world.send(person, channels=[channel], priority="critical")
    assert answer.status == 201, answer.body
    return f"{answer.body['id']}:{channel}"


async def stands(world: World, person: Person, delivery: str, *statuses: str) -> dict[str, Any]:
    """Wait until operators see `delivery` with one of `statuses`, and return what they see."""

    async def look() -> dict[str, Any] | None:
        answer = await world.api.get(
            f"/api/ops/deliveries/?user_id={person.id}", token(user_type="admin")
        )
        found = [each for each in answer.body["results"] if each["id"] == delivery]
        return next((each for each in found if each["status"] in statuses), None)

    shown = await world.eventually(look)
    assert shown is not None
    return shown


async def ses_tells(world: World, sns: SnsPeer, ses: SesPeer, kind: str, **details: Any) -> str:
    """Tell of the last mail what SES would, and return the answer."""
    sent = ses.requests[-1]
    tags = {tag["Name"]: [tag["Value"]] for tag in sent["EmailTags"]}
    message_id = f"m-{len(ses.requests)}"
    of = mail(
        message_id=message_id, tags=tags, headers=None, timestamp=timestamp(datetime.now(UTC))
    )
    message = sns.notification(event(kind, of, **details))
    answer = await world.api.post(
        "/api/webhooks/ses/", raw=json.dumps(message).encode(), headers=PLAIN
    )
    assert answer.status == 200, answer.body
    told: str = answer.body["message"]
    return told


async def twilio_tells(world: World, url: str, form: dict[str, str]) -> None:
    """Post `form` to `url`, signed."""
    signature = RequestValidator(TOKEN).compute_signature(url, form)
    answer = await world.api.post(
        url, raw=urlencode(form).encode(), headers=FORM | {"X-Twilio-Signature": signature}
    )
    assert answer.status == 204, answer.body


async def test_a_mail_is_delivered_and_a_bounced_address_gets_nothing_more(
    world: World, sns: SnsPeer, ses: SesPeer
) -> None:
    person = await reachable(world)
    # The welcome goes first.
    await world.eventually(lambda: has(ses.requests, 1))
    delivery = await send(world, person, "email")
    shown = await stands(world, person, delivery, "sent")
    assert shown["provider_message_id"] == "m-2"
    assert await ses_tells(world, sns, ses, "Delivery") == "Settled"
    await stands(world, person, delivery, "delivered")

    (address,) = ses.requests[-1]["Destination"]["ToAddresses"]
    bounced = [{"emailAddress": address, "status": "5.1.1"}]
    assert await ses_tells(world, sns, ses, "Bounce", bouncedRecipients=bounced) == "Settled"
    shown = await stands(world, person, delivery, "bounced")
    assert (shown["reason"], shown["last_error"]) == ("address_gone", "Permanent/General 5.1.1")

    again = await send(world, person, "email")
    shown = await stands(world, person, again, "suppressed")
    assert shown["reason"] in {"no_address", "suppressed_address"}
    assert len(ses.requests) == 2


async def test_an_sms_is_delivered_and_stop_is_heeded_until_start(
    world: World, twilio: TwilioPeer
) -> None:
    person = await reachable(world)
    first = await send(world, person, "sms")
    shown = await stands(world, person, first, "sent")
    (message,) = twilio.messages
    told = {"MessageSid": shown["provider_message_id"], "MessageStatus": "delivered", "To": PHONE}
    await twilio_tells(world, message["StatusCallback"], told)
    await stands(world, person, first, "delivered")

    incoming = f"{world.api.base_url}/api/webhooks/twilio/"
    await twilio_tells(world, incoming, {"MessageSid": "SM1", "From": PHONE, "Body": "Stop"})
    second = await send(world, person, "sms")
    await stands(world, person, second, "suppressed")
    assert len(twilio.messages) == 1

    await twilio_tells(world, incoming, {"MessageSid": "SM2", "From": PHONE, "Body": "START"})
    third = await send(world, person, "sms")
    await stands(world, person, third, "sent")
    assert len(twilio.messages) == 2


async def test_what_is_told_before_the_answer_counts(
    world: World, sns: SnsPeer, ses: SesPeer
) -> None:
    person = await reachable(world)
    await world.eventually(lambda: has(ses.requests, 1))
    # The provider has the mail, and its answer takes a while.
    ses.answer = lambda: Reply(after_s=2.0)
    delivery = await send(world, person, "email")
    await world.eventually(lambda: has(ses.requests, 2))
    assert await ses_tells(world, sns, ses, "Delivery") == "Settled"
    shown = await stands(world, person, delivery, "delivered")
    assert shown["provider_message_id"] == "m-2"
    # By the time that the next one is sent the worker has had the answer, and written nothing.
    later = await send(world, person, "email")
    await stands(world, person, later, "sent")
    assert (await stands(world, person, delivery, "delivered"))["attempts"][0]["ended_at"]


async def test_a_mail_that_was_uncertain_and_did_arrive_is_not_sent_again(
    world: World, sns: SnsPeer, ses: SesPeer
) -> None:
    person = await reachable(world)
    await world.eventually(lambda: has(ses.requests, 1))
    ses.answer = lambda: Reply(is_cut=True)
    delivery = await send(world, person, "email")
    shown = await stands(world, person, delivery, "deferred")
    assert (shown["reason"], shown["attempts"][0]["uncertain"]) == ("retry", True)
    assert await ses_tells(world, sns, ses, "Delivery") == "Settled"
    shown = await stands(world, person, delivery, "delivered")
    assert (shown["due_at"], shown["reason"]) == (None, None)
    assert shown["provider_message_id"] == "m-2"
    assert shown["attempts"][0]["uncertain"]


async def test_an_sms_that_was_uncertain_is_failed_no_more(
    world: World, twilio: TwilioPeer
) -> None:
    person = await reachable(world)
    twilio.answer = lambda _: Reply(is_cut=True)
    delivery = await send(world, person, "sms")
    shown = await stands(world, person, delivery, "failed")
    assert shown["reason"] == "uncertain"
    (message,) = twilio.messages
    told = {"MessageSid": "SM1", "MessageStatus": "sent", "To": PHONE}
    await twilio_tells(world, message["StatusCallback"], told)
    shown = await stands(world, person, delivery, "sent")
    assert (shown["reason"], shown["provider_message_id"]) == (None, "SM1")


async def has(things: list[Any], count: int) -> bool:
    return len(things) >= count
