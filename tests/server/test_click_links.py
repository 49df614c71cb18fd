"""Links of emails that are followed count as clicks, and lead on whatever happens."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs
from tornado.httpclient import HTTPRequest, HTTPResponse

from server.link_visits import is_by_somebody
from server.service import Service
from storage.click_links import ClickLink
from storage.notifications import NotificationRow
from tests.storage.samples import a_row
from tests.support.api import Api
from tests.support.relay import directly, relayed
from tests.support.service import running
from tests.support.world import Person, World

TARGET = "https://shop.example/listings/770g?from=mail"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def path(service: Service, recipient: UUID, notification: UUID, target: str = TARGET) -> str:
    token = service.click_links.token(ClickLink(recipient, notification, target))
    return f"/c/{token}/"


async def follow(api: Api, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """Ask as a browser does, without going where the link leads."""
    return await api.fetch(
        HTTPRequest(
            api.base_url + path,
            method=method,
            headers=BROWSER | headers,
            follow_redirects=False,
            request_timeout=30,
        )
    )


def assert_leads_on(response: HTTPResponse, target: str = TARGET) -> None:
    assert (response.code, response.headers["Location"]) == (302, target)
    assert response.body == b""
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "RateLimit-Limit" not in response.headers


async def row_of(service: Service, person: Person, notification_id: UUID) -> NotificationRow:
    row = await service.stores.notifications.find(person.id, notification_id)
    assert row is not None
    return row


async def test_a_link_leads_on_counts_as_a_click_and_every_connection_sees_it(
    service: Service, api: Api, world: World
) -> None:
    person = await world.person()
    sent = UUID((await world.send(person)).body["id"])
    socket = await world.connect(person)
    assert_leads_on(await follow(api, path(service, person.id, sent)))
    seen = await socket.expect("notification.read")
    assert seen["data"] == {"notification_id": str(sent), "unread_count": 0}
    row = await row_of(service, person, sent)
    assert row.clicked_at is not None
    assert (row.clicked_action, row.is_read) == ("email", True)


async def test_the_first_click_is_kept_wherever_it_was(
    service: Service, api: Api, world: World
) -> None:
    person = await world.person()
    sent = UUID((await world.send(person)).body["id"])
    await api.post(f"/api/notifications/{sent}/click/", person.token, {"action": "view"})
    before = await row_of(service, person, sent)
    for slash in ("/", ""):
        link = path(service, person.id, sent).rstrip("/") + slash
        assert_leads_on(await follow(api, link))
    assert await row_of(service, person, sent) == before


@pytest.mark.parametrize("changes", [{"in_app": False}, {"is_deleted": True}])
async def test_what_the_inbox_does_not_show_is_clicked_too(
    service: Service, api: Api, person: Person, changes: dict[str, Any]
) -> None:
    row = a_row(person.id, **changes)
    await service.stores.notifications.insert([row])
    for _ in range(2):
        assert_leads_on(await follow(api, path(service, person.id, row.id)))
        after = await row_of(service, person, row.id)
        assert (after.clicked_action, after.is_read) == ("email", True)
        assert after.clicked_at == after.read_at is not None
    assert await service.stores.notifications.unread_count(person.id) == 0


async def test_a_link_leads_on_when_its_notification_is_gone(
    service: Service, api: Api, person: Person
) -> None:
    assert_leads_on(await follow(api, path(service, person.id, uuid4())))


@pytest.mark.parametrize("target", ["http://shop.example/", "https://shop.example/a%20b?c=d%26"])
async def test_a_link_leads_exactly_where_it_was_sealed_to_lead(
    service: Service, api: Api, person: Person, target: str
) -> None:
    link = path(service, person.id, uuid4(), target)
    assert_leads_on(await follow(api, f"{link}?target=https://evil.example"), target)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (
            "https://shop.example/caf\xe9?q=\u98df#a%20b",
            "https://shop.example/caf%C3%A9?q=%E9%A3%9F#a%20b",
        ),
        (
            "https://b\xe4cker.example:8443/?a[]=<'\">",
            "https://b%C3%A4cker.example:8443/?a[]=<'\">",
        ),
    ],
)
async def test_letters_that_no_header_carries_are_written_as_addresses_have_them(
    service: Service, api: Api, person: Person, target: str, location: str
) -> None:
    assert_leads_on(await follow(api, path(service, person.id, uuid4(), target)), location)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Purpose": "prefetch"}),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", {"X-Moz": "prefetch"}),
        ("GET", {"X-Purpose": "preview"}),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
        ("GET", {"User-Agent": "BingPreview/1.0b"}),
    ],
)
async def test_who_looks_ahead_is_led_on_and_clicks_nothing(
    service: Service, api: Api, world: World, method: str, headers: dict[str, str]
) -> None:
    person = await world.person()
    sent = UUID((await world.send(person)).body["id"])
    link = path(service, person.id, sent)
    assert_leads_on(await follow(api, link, method, **headers))
    row = await row_of(service, person, sent)
    assert (row.clicked_at, row.is_read) == (None, False)


@pytest.mark.parametrize("agent", [BROWSER["User-Agent"], "Robotto Browser/1.0", ""])
def test_whoever_does_not_say_otherwise_is_somebody(agent: str) -> None:
    assert is_by_somebody("GET", {"User-Agent": agent} if agent else {})


async def test_what_is_no_link_of_ours_says_so_in_a_page_or_in_json(
    service: Service, api: Api, person: Person
) -> None:
    link = path(service, person.id, uuid4())
    damaged = link.replace(link[5], "A" if link[5] != "A" else "B", 1)
    for wrong in (damaged, "/c/token/", "/c/%F0%9F%92%A9/", "/c/%ED%A0%80/"):
        answer = await api.get(wrong)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
        page = await follow(api, wrong, Accept="text/html")
        assert page.code == 404
        assert "This link does not work" in page.body.decode()
        assert "Location" not in page.headers


async def test_a_fault_of_ours_tells_the_log_no_token(service: Service, api: Api) -> None:
    """Who has the token can click for its recipient, so logs are not to hold it."""
    links = service.click_links
    sealed = links._ciphers[0].encrypt(uuid4().bytes + uuid4().bytes + b"no text: \xff", None)
    token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    with capture_logs() as lines:
        assert (await follow(api, f"/c/{token}/")).code == 500
    (line,) = [line for line in lines if line["event"] == "request_failed"]
    assert line["path"] == "/c/"
    assert token not in repr(lines)


@pytest.mark.timeout(seconds=180)
async def test_a_link_leads_on_while_the_database_is_away(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    with relayed(mongodb_uri) as store:
        uri = directly(store.url)
        async with running(uri, redis_url, database_name, SNB_INSTANCE="test:away") as service:
            client = Api(service.settings.public_url)
            store.vanish()
            with capture_logs() as logs:
                assert_leads_on(await follow(client, path(service, uuid4(), uuid4())))
            store.appear()
            client.close()
    assert [log["event"] for log in logs if "notification_id" in log] == ["click_lost"]
