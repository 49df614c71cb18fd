"""Logs carry ids, never addresses, tokens or codes (contract section 6), whatever goes wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pymongo
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.flows.deliveries import WorkerProcess, a_number
from tests.support.api import Api, token
from tests.support.peers.aws import AwsPeer, aws_peer
from tests.support.peers.fcm import FcmPeer
from tests.support.peers.http_peer import Reply
from tests.support.peers.smtp_answers import CUT, SmtpPeer, smtp_peer
from tests.support.peers.twilio import ACCOUNT, TOKEN, TwilioPeer
from tests.support.processes import ServerProcess
from tests.support.sockets import Socket
from tests.support.world import Person, World, eventually, pickup, user

CHANNELS = ("email", "push", "sms")
UNENDED = ["queued", "sending"]
CODE = "CODE-7Q4-Z81"


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpPeer]:
    async with smtp_peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsPeer]:
    with aws_peer() as peer:
        yield peer


@dataclass(slots=True)
class Providers:
    """What each of them answers, with what nobody may log in it."""

    smtp: SmtpPeer
    fcm: FcmPeer
    twilio: TwilioPeer

    def answer(self, case: str, address: str, device_token: str, number: str) -> None:
        """Answer as in `case` from now on."""
        personal = f"<{address}>, {device_token}, {number}"
        self.smtp.answers = {
            "taken": {},
            "gone": {"RCPT": f"550 5.1.1 no such user {personal}"},
            "refused": {"DATA": f"554 5.7.1 not for {personal}"},
            "later": {"RCPT": f"451 4.7.1 greylisted {personal}"},
            "broken": {"DATA": CUT},
        }[case]
        push = {
            "taken": Reply(),
            "gone": fcm_refusal(404, "NOT_FOUND", personal, "UNREGISTERED"),
            "refused": fcm_refusal(400, "INVALID_ARGUMENT", personal, "INVALID_ARGUMENT"),
            "later": fcm_refusal(429, "RESOURCE_EXHAUSTED", personal, "QUOTA_EXCEEDED"),
            "broken": Reply(is_cut=True),
        }[case]
        text = {
            "taken": Reply(),
            "gone": twilio_refusal(400, 21211, personal),
            "refused": twilio_refusal(400, 21610, personal),
            "later": twilio_refusal(429, 20429, personal),
            "broken": Reply(is_cut=True),
        }[case]
        self.fcm.answer = lambda _: push
        self.twilio.answer = lambda _: text


def fcm_refusal(status: int, code: str, personal: str, fcm_code: str) -> Reply:
    type_ = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": type_, "errorCode": fcm_code}]
    error = {"code": status, "message": personal, "status": code, "details": details}
    return Reply(status, {"error": error})


def twilio_refusal(status: int, code: int, personal: str) -> Reply:
    return Reply(status, {"code": code, "message": personal, "status": status})


@dataclass(slots=True)
class Run:
    """A server and a worker at their most talkative, and what they may not tell of."""

    world: World
    server: ServerProcess
    worker: WorkerProcess
    worker_by_ses: WorkerProcess
    rows: Any
    logs: list[Path]
    secrets: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of all logs; what is no JSON fails."""
        return [json.loads(line) for log in self.logs for line in log.read_text().splitlines()]

    async def has_ended(self, person: Person) -> None:
        """Wait until everything for `person` was tried."""
        unended = [{f"channels.{channel}.status": {"$in": UNENDED}} for channel in CHANNELS]

        async def nothing_waits() -> bool:
            of_person = {"recipient_id": person.id}
            return bool(
                self.rows.count_documents(of_person)
                and not self.rows.count_documents({**of_person, "$or": unended})
            )

        await eventually(nothing_waits, within_s=120.0)


@pytest.fixture
async def run(
    mongodb_uri: str,
    redis_url: str,
    queue_url: str,
    database_name: str,
    tmp_path: Path,
    fcm: FcmPeer,
    smtp: SmtpPeer,
    twilio: TwilioPeer,
    aws: AwsPeer,
) -> AsyncIterator[Run]:
    queue = {"SNB_QUEUE_REDIS_URL": queue_url, "SNB_LOG_LEVEL": "debug"}
    logs = [tmp_path / f"{name}.log" for name in ("server", "worker", "ses")]
    server = ServerProcess(mongodb_uri, redis_url, database_name, logs[0], **queue)
    senders = {
        "SNB_PUBLIC_URL": server.base_url,
        "SNB_PUSH_URL": f"fcm:{fcm.account(tmp_path)}?endpoint={fcm.url}",
        "SNB_SMS_URL": (
            f"twilio://{ACCOUNT}:{quote(TOKEN)}@/?from=+27100000000&endpoint={twilio.url}"
        ),
        "AWS_ACCESS_KEY_ID": "an-id-of-aws",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-aws",
        **queue,
    }
    by_smtp = f"smtp://127.0.0.1:{smtp.port}?timeout_s=5"
    by_ses = f"ses://eu-west-1?endpoint={aws.url}"
    one, other = (
        WorkerProcess(mongodb_uri, redis_url, database_name, log, SNB_EMAIL_URL=url, **senders)
        for log, url in ((logs[1], by_smtp), (logs[2], by_ses))
    )
    await server.start()
    await one.start()
    api = Api(server.base_url)
    with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
        yield Run(World(api), server, one, other, client[database_name]["notifications"], logs)
    api.close()
    one.kill()
    other.kill()
    server.kill()


async def reachable(run: Run, case: str, providers: Providers) -> Person:
    """Register somebody who can be reached on every channel, and note what identifies them."""
    number = a_number()
    address = f"{uuid4()}@example.org"
    device_token = f"token:of-{address}-{case}"
    # First, for who registers is welcomed by a mail.
    providers.answer(case, address, device_token, number)
    made = await run.world.person(phone=number, email=address)
    device = {"device_token": device_token, "platform": "android"}
    answer = await run.world.api.post("/api/devices/", made.token, device)
    assert answer.status == 201
    run.secrets |= {
        f"address of {made.id}, {case}": address,
        f"device token of {made.id}, {case}": device_token,
        f"number of {made.id}, {case}": number,
        f"bearer token of {made.id}, {case}": made.token,
    }
    return made


async def misuse(run: Run, person: Person, unsubscribe: str) -> None:
    """Ask for what is refused, with everything in it that may not be told."""
    api, base_url = run.world.api, run.server.base_url
    number, address = a_number(), "somebody.in.a.body@example.org"
    expired = token(person.id, expires_in_s=-60)
    forged = token(person.id, secret="another secret, long enough for HS256")
    run.secrets |= {
        "number in a body": number,
        "address in a body": address,
        "expired token": expired,
        "forged token": forged,
    }
    for bearer in (expired, forged):
        assert (await api.get("/api/notifications/", bearer)).status == 401
        turned_away = await Socket.open(base_url, headers={"Authorization": f"Bearer {bearer}"})
        await turned_away.expect("authentication_failed")
        assert await turned_away.closed() == 4401
    assert (await api.get(f"/nowhere/{person.token}/", person.token)).status == 404
    for data in ({"email": address, "phone": 27, "name": number}, {address: number}):
        answer = await run.world.event("user.registered", {**user(person.id), **data})
        assert answer.status in {202, 400}
    http = AsyncHTTPClient(force_instance=True)
    for method, url, body in (
        ("GET", unsubscribe, None),
        ("PUT", unsubscribe, b"{}"),
        ("POST", unsubscribe, f"{address} {number}".encode()),
        ("GET", f"{unsubscribe[:-6]}AAAAA/", None),
        ("POST", f"{base_url}/api/internal/events/", f'{{"{address}": {number}'.encode()),
    ):
        headers = {"Authorization": f"Bearer {run.world.platform}"}
        request = HTTPRequest(url, method=method, body=body, headers=headers)
        await http.fetch(request, raise_error=False)
    http.close()


@pytest.mark.timeout(seconds=300)
async def test_no_log_of_a_run_holds_what_identifies_anybody(
    run: Run, fcm: FcmPeer, smtp: SmtpPeer, twilio: TwilioPeer
) -> None:
    providers = Providers(smtp, fcm, twilio)
    statuses: dict[str, set[str]] = {}
    for case in ("taken", "gone", "refused", "later", "broken"):
        person = await reachable(run, case, providers)
        await run.has_ended(person)
        answer = await run.world.send(person, channels=list(CHANNELS), priority="critical")
        assert answer.status == 201
        await run.has_ended(person)
        row = run.rows.find_one({"recipient_id": person.id, "kind": "interaction_confirmed"})
        statuses[case] = {state["status"] for state in row["channels"].values()}
    assert statuses["taken"] == {"sent"}
    # The mail of welcome was refused before.
    assert statuses["gone"] == {"failed", "suppressed"}
    assert statuses["later"] == {"deferred"}
    person = await reachable(run, "taken", providers)
    link = str(smtp.mails[0]["List-Unsubscribe"]).strip("<>")
    run.secrets |= {
        "confirmation code": CODE,
        "unsubscribe token": link.rstrip("/").rpartition("/")[2],
        "token of the platform": run.world.platform,
        "Twilio's token": TOKEN,
        "Twilio's login": base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode(),
        "Amazon's secret": "a-secret-of-aws",
    }
    shop = await run.world.shop()
    soon = (datetime.now(UTC) + timedelta(minutes=50)).isoformat()
    reminded = pickup(shop.id, person.id, pickup_time=soon, confirmation_code=CODE)
    assert (await run.world.event("pickup.scheduled", reminded)).status == 202
    for socket in (
        await Socket.authenticated(run.server.base_url, person.token),
        await Socket.open(run.server.base_url, subprotocols=["bearer", person.token]),
    ):
        await socket.send(type="mark_read", notification_ids=[person.token])
        await socket.send_text(f"{{{person.token}")
        socket.close()
    await misuse(run, person, link)
    await run.has_ended(person)
    assert run.worker.stop() == 0

    await run.worker_by_ses.start()
    refused = await reachable(run, "taken", providers)
    await run.world.send(refused, channels=["email"], priority="critical")
    await run.has_ended(refused)
    # Amazon names the address that nobody has verified.
    failed = run.rows.find_one({"recipient_id": refused.id, "kind": "interaction_confirmed"})
    assert failed["channels"]["email"]["last_error"] == "400 MessageRejected"
    assert run.worker_by_ses.stop() == 0
    assert run.server.stop() == 0

    said = {line["event"] for line in run.lines()}
    assert {"worker_ready", "worker_stopping"} <= said
    text = "".join(log.read_text() for log in run.logs)
    forms = {
        f"{name} ({form})": encoded
        for name, secret in run.secrets.items()
        for form, encoded in (("plain", secret), ("in a URL", quote(secret, safe="")))
    }
    assert [name for name, form in forms.items() if form in text] == []
