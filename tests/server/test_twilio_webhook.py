"""Twilio tells what became of SMS, and what people answer to them (contract section 5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from server.service import Service
from tests.server.figures import figure
from tests.storage.samples import a_row
from tests.support.api import Answer, Api, token
from tests.support.peers.twilio import ACCOUNT, TOKEN
from tests.support.relay import directly, relayed
from tests.support.service import running
from tests.support.world import World, eventually

TWILIO = "/api/webhooks/twilio/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
URL = f"twilio://{ACCOUNT}:{TOKEN.replace(' ', '%20')}@/?from=+27100000000"
EDGE = "https://edge.example/savenbite/sms"


@pytest.fixture(scope="module")
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process that is connected to Twilio."""
    url = f"{URL}&status_callback={EDGE}"
    async with running(mongodb_uri, redis_url, database_name, SNB_SMS_URL=url) as started:
        yield started


class Sms:
    """An SMS that was sent."""

    def __init__(self, service: Service, api: Api) -> None:
        self.id, self.recipient_id = uuid4(), uuid4()
        self.sid = f"SM{self.id.hex}"
        self.number = f"+27{self.id.int % 10**9:09}"
        self._service, self._api = service, api

    async def sent(self) -> Sms:
        now = self._service.clock.store_now()
        attempt = {"at": now, "ended_at": now, "provider_message_id": self.sid}
        state = {
            "status": "sent",
            "sent_at": now,
            "provider_message_id": self.sid,
            "attempts": [attempt],
        }
        row = a_row(self.recipient_id, id=self.id, channels={"sms": state}, created_at=now)
        await self._service.stores.notifications.insert([row])
        return self

    @property
    def path(self) -> str:
        return f"{TWILIO}?notification_id={self.id}&recipient_id={self.recipient_id}"

    def told(self, status: str, code: str | None = None) -> dict[str, str]:
        form = {"MessageSid": self.sid, "MessageStatus": status, "To": self.number}
        return form if code is None else form | {"ErrorCode": code}

    async def shown(self) -> dict[str, Any]:
        """Return it as operators see it."""
        answer = await self._api.get(
            f"/api/ops/deliveries/?user_id={self.recipient_id}", token(user_type="admin")
        )
        (found,) = answer.body["results"]
        return dict(found)


@pytest.fixture
async def sent(service: Service, api: Api) -> Sms:
    return await Sms(service, api).sent()


async def post(
    api: Api,
    form: dict[str, str],
    path: str = TWILIO,
    *,
    url: str | None = None,
    signature: str | None = None,
) -> Answer:
    """Post as Twilio does, which knows us under `url`."""
    known_as = url or api.base_url + path
    made = RequestValidator(TOKEN).compute_signature(known_as, form)
    headers = {"X-Twilio-Signature": made if signature is None else signature}
    return await api.post(path, raw=urlencode(form).encode(), headers=FORM | headers)


def an_sms(body: str, **fields: str) -> dict[str, str]:
    return {"MessageSid": f"SM{uuid4().hex}", "Body": body, "SmsStatus": "received", **fields}


async def test_an_sms_that_is_delivered_is_shown_as_such(api: Api, sent: Sms) -> None:
    for status in ("queued", "sent", "delivered", "sent"):
        assert (await post(api, sent.told(status), sent.path)).status == 204
    assert (await sent.shown())["status"] == "delivered"


async def test_an_sms_is_found_by_its_sid_alone(api: Api, sent: Sms) -> None:
    assert (await post(api, sent.told("delivered"))).status == 204
    assert (await sent.shown())["status"] == "delivered"


async def test_one_that_cannot_be_delivered_now_has_failed(
    api: Api, service: Service, sent: Sms
) -> None:
    assert (await post(api, sent.told("undelivered", "30003"), sent.path)).status == 204
    shown = await sent.shown()
    assert (shown["status"], shown["reason"]) == ("failed", "rejected")
    assert shown["last_error"] == "30003"
    assert await service.stores.suppressions.suppressed({sent.number}) == set()


@pytest.mark.parametrize(
    ("code", "reason"),
    [("30005", "address_gone"), ("30006", "address_gone"), ("21610", "opted_out")],
)
async def test_a_number_that_is_gone_is_written_to_no_more(
    api: Api, service: Service, sent: Sms, code: str, reason: str
) -> None:
    with capture_logs() as logs:
        assert (await post(api, sent.told("failed", code), sent.path)).status == 204
    shown = await sent.shown()
    assert (shown["status"], shown["reason"]) == ("failed", reason)
    assert await service.stores.suppressions.suppressed({sent.number}) == {sent.number}
    assert str(sent.id) in str(logs)
    assert sent.number not in str(logs)


async def test_stop_ends_sms_to_a_number_and_start_begins_them_again(
    api: Api, world: World, service: Service, sent: Sms
) -> None:
    person = await world.person(phone=sent.number)
    suppressions, users = service.stores.suppressions, {person.id: sent.number}
    with capture_logs() as logs:
        assert (await post(api, an_sms("Stop", From=sent.number))).status == 204
        assert await suppressions.suppressed({sent.number}) == {sent.number}
        assert await service.stores.reachability.lost("sms", users) == {person.id}
        assert (await post(api, an_sms("START", From=sent.number))).status == 204
    assert await suppressions.suppressed({sent.number}) == set()
    assert await service.stores.reachability.lost("sms", users) == set()
    contact = (await service.stores.contacts.find_many([person.id], "sms"))[person.id]
    assert contact.recipient.has_phone
    assert sent.number not in str(logs)


@pytest.mark.parametrize("fields", [{"Body": "Is it still there?"}, {"Body": "STOP"}, {}])
async def test_other_messages_are_taken_and_dropped(api: Api, fields: dict[str, str]) -> None:
    name, labels = "snb_provider_feedback_total", {"provider": "twilio", "outcome": "ignored"}
    before = await figure(api, name, **labels)
    assert (await post(api, {"MessageSid": "SM1", **fields})).status == 204
    assert await figure(api, name, **labels) == before + 1


async def test_what_is_of_no_sms_of_ours_is_counted(api: Api, service: Service) -> None:
    name, labels = "snb_provider_feedback_total", {"provider": "twilio", "outcome": "unmatched"}
    before = await figure(api, name, **labels)
    stranger = Sms(service, api)
    for path in (TWILIO, stranger.path):
        assert (await post(api, stranger.told("delivered"), path)).status == 204
    assert await figure(api, name, **labels) == before + 2


async def test_twilio_may_know_us_by_way_of_a_proxy(api: Api, sent: Sms) -> None:
    query = sent.path.partition("?")[2]
    for status, url in (
        ("sent", f"{EDGE}?{query}"),
        ("delivered", f"{EDGE.replace('.example', '.example:443')}?{query}"),
    ):
        assert (await post(api, sent.told(status), sent.path, url=url)).status == 204
    assert (await sent.shown())["status"] == "delivered"


@pytest.mark.parametrize("known_as", ["https://evil.example", "https://edge.example"])
async def test_a_signature_for_another_address_is_refused(
    api: Api, sent: Sms, known_as: str
) -> None:
    answer = await post(api, sent.told("delivered"), sent.path, url=known_as + sent.path)
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")


async def test_a_signature_is_for_these_fields_and_ids(api: Api, sent: Sms) -> None:
    form = sent.told("sent")
    made = RequestValidator(TOKEN).compute_signature(api.base_url + sent.path, form)
    for path, posted in (
        (sent.path, form | {"MessageStatus": "failed"}),
        (sent.path, form | {"ErrorCode": "21610"}),
        (f"{sent.path}&a=b", form),
        (TWILIO, form),
    ):
        assert (await post(api, posted, path, signature=made)).status == 403
    for signature in ("", "nonsense"):
        assert (await post(api, form, sent.path, signature=signature)).status == 403
    assert (await sent.shown())["status"] == "sent"


@pytest.mark.parametrize(
    ("form", "path", "field"),
    [
        ({"MessageStatus": "sent"}, TWILIO, "MessageSid"),
        ({"MessageStatus": "sent", "MessageSid": "S" * 65}, TWILIO, "MessageSid"),
        (
            {"MessageStatus": "sent", "MessageSid": "SM1"},
            f"{TWILIO}?notification_id=1",
            "notification_id",
        ),
    ],
)
async def test_what_lacks_something_names_it(
    api: Api, form: dict[str, str], path: str, field: str
) -> None:
    answer = await post(api, form, path)
    assert (answer.status, list(answer.error["details"])) == (400, [field])


async def test_what_is_no_form_is_malformed(api: Api) -> None:
    answer = await api.post(TWILIO, raw=b"no form", headers=FORM)
    assert (answer.status, answer.error["details"]) == (400, {"body": ["Not a valid form."]})
    assert (await api.post(TWILIO, body={})).status == 415
    assert (await api.post(TWILIO, raw=b"a" * ((1 << 20) + 1), headers=FORM)).status == 413


async def test_while_the_store_is_away_nothing_is_said_to_be_taken_in(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    with relayed(mongodb_uri) as store:
        # Or the driver goes to the address that the store itself gives.
        uri = directly(store.url)
        variables = {"SNB_SMS_URL": URL, "SNB_INSTANCE": "test:away"}
        async with running(uri, redis_url, database_name, **variables) as other:
            api = Api(other.settings.public_url)
            sms = await Sms(other, api).sent()
            stop = an_sms("STOP", From=sms.number)
            store.vanish()
            for form, path in ((stop, TWILIO), (sms.told("delivered"), sms.path)):
                answer = await post(api, form, path)
                assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            store.appear()

            async def is_taken_in() -> bool:
                return (await post(api, sms.told("delivered"), sms.path)).status == 204

            await eventually(is_taken_in)
            assert (await sms.shown())["status"] == "delivered"
            api.close()


async def test_without_twilio_nobody_is_believed(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with running(mongodb_uri, redis_url, f"{database_name}_2") as other:
        api = Api(other.settings.public_url)
        answer = await post(api, an_sms("STOP", From="+27820000000"))
        assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
        api.close()
