"""Unsubscribing by the link in an email (contract section 2.5, RFC 8058)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from rules.unsubscribing import Scope
from server.service import Service
from tests.support.api import AN_ID, Answer, Api, token
from tests.support.world import PREFERENCES, Person, World

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MULTIPART = (
    b'--xx\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    b"One-Click\r\n--xx--\r\n"
)


def address(service: Service, person: Person, scope: Scope = Scope.ALL) -> str:
    return f"/unsubscribe/{service.unsubscribe_links.token(person.id, scope)}/"


async def preference(api: Api, person: Person, name: str = "email_notifications") -> bool:
    answer = await api.get(PREFERENCES, person.token)
    wanted: bool = answer.body["preferences"][name]
    return wanted


async def one_click(api: Api, path: str, **options: Any) -> Answer:
    return await api.post(path, raw=ONE_CLICK, headers=FORM, **options)


async def visit(api: Api, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
    """Ask as a browser does."""
    client = AsyncHTTPClient(force_instance=True)
    request = HTTPRequest(
        api.base_url + path,
        method="GET" if body is None else "POST",
        headers=HTTPHeaders(BROWSER | (FORM if body is not None else {}) | headers),
        body=body,
    )
    try:
        return await client.fetch(request, raise_error=False)
    finally:
        client.close()


def assert_page(response: HTTPResponse, status: int = 200) -> str:
    assert response.code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-ID"]
    return response.body.decode()


@pytest.mark.parametrize("slash", ["/", ""])
async def test_one_click_turns_off_email_at_once(
    world: World, service: Service, slash: str
) -> None:
    person = await world.person()
    path = address(service, person).rstrip("/") + slash
    answer = await one_click(world.api, path)
    assert (answer.status, answer.body) == (
        200,
        {"message": "Unsubscribed", "preferences": {"email_notifications": False}},
    )
    assert not await preference(world.api, person)


@pytest.mark.parametrize("scope", Scope)
async def test_a_link_turns_off_what_its_mail_was_and_nothing_else(
    world: World, service: Service, scope: Scope
) -> None:
    person = await world.person()
    before = await world.prefer(person, promotional_notifications=True)
    await one_click(world.api, address(service, person, scope))
    answer = await world.api.get(PREFERENCES, person.token)
    assert answer.body["preferences"] == before | {scope.preference: False}


async def test_the_next_gate_knows(world: World, service: Service) -> None:
    person = await world.person()
    await one_click(world.api, address(service, person))
    recipient = (await service.stores.users.recipients([person.id]))[person.id]
    assert not recipient.preferences.email_notifications


async def test_mail_programs_may_send_multipart(world: World, service: Service) -> None:
    person = await world.person()
    headers = {"Content-Type": "multipart/form-data; boundary=xx"}
    answer = await world.api.post(address(service, person), raw=MULTIPART, headers=headers)
    assert answer.status == 200
    assert not await preference(world.api, person)


async def test_one_click_many_times_over_is_one(world: World, service: Service) -> None:
    person = await world.person()
    path = address(service, person)
    answers = await asyncio.gather(*(one_click(world.api, path) for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert not await preference(world.api, person)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("query", ["", "?action=resubscribe", "?List-Unsubscribe=One-Click"])
async def test_following_the_link_changes_nothing(
    world: World, service: Service, scope: Scope, query: str
) -> None:
    person = await world.person()
    before = await world.prefer(person, promotional_notifications=True)
    page = assert_page(await visit(world.api, address(service, person, scope) + query))
    assert page.count("<button") == 1
    answer = await world.api.get(PREFERENCES, person.token)
    assert answer.body["preferences"] == before
    await one_click(world.api, address(service, person, scope))
    assert_page(await visit(world.api, address(service, person, scope) + query))
    assert not await preference(world.api, person, scope.preference)


async def test_a_page_is_what_one_gets_whatever_one_accepts(world: World, service: Service) -> None:
    person = await world.person()
    for accepted in ("*/*", "application/json", ""):
        page = assert_page(await visit(world.api, address(service, person), Accept=accepted))
        assert 'value="One-Click"' in page
        assert 'href="?action=resubscribe"' in page


async def test_the_page_s_buttons_unsubscribe_and_resubscribe(
    world: World, service: Service
) -> None:
    person = await world.person()
    path = address(service, person)
    done = assert_page(await visit(world.api, path, ONE_CLICK))
    assert "You are unsubscribed" in done
    assert 'name="action" value="resubscribe"' in done
    assert not await preference(world.api, person)
    back = assert_page(await visit(world.api, path, b"action=resubscribe"))
    assert "You are subscribed again" in back
    assert 'name="action" value="unsubscribe"' in back
    assert await preference(world.api, person)
    assert "You are unsubscribed" in assert_page(
        await visit(world.api, path, b"action=unsubscribe")
    )
    assert not await preference(world.api, person)


async def test_programs_can_resubscribe_too(world: World, service: Service) -> None:
    person = await world.person()
    await world.prefer(person, weekly_digest=False)
    answer = await world.api.post(
        address(service, person, Scope.WEEKLY_DIGEST), raw=b"action=resubscribe", headers=FORM
    )
    assert answer.body == {"message": "Subscribed again", "preferences": {"weekly_digest": True}}
    assert await preference(world.api, person, "weekly_digest")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Stop these messages?"),
        ("af-ZA", "Stop hierdie boodskappe?"),
        ("zu", "Uyafuna ukuyeka ukuthola le milayezo?"),
        ("fr", "Stop these messages?"),
    ],
)
async def test_the_page_speaks_the_reader_s_language(
    world: World, service: Service, locale: str, words: str
) -> None:
    person = await world.person(locale=locale)
    assert words in assert_page(await visit(world.api, address(service, person)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "List-Unsubscribe"),
        (b"List-Unsubscribe=one-click", "List-Unsubscribe"),
        (b"List-Unsubscribe=", "List-Unsubscribe"),
        (b"action=", "action"),
        (b"action=delete", "action"),
        (b"List-Unsubscribe=One-Click&action=delete", "action"),
        (b"action=%ff", "body"),
        (b"&".join(b"a%d=" % n for n in range(5_000))[:16_000], "body"),
    ],
)
async def test_a_form_that_asks_for_nothing_is_refused_and_changes_nothing(
    world: World, service: Service, body: bytes, field: str
) -> None:
    person = await world.person()
    answer = await world.api.post(address(service, person), raw=body, headers=FORM)
    assert (answer.status, set(answer.error["details"])) == (400, {field})
    page = assert_page(await visit(world.api, address(service, person), body), 400)
    assert "That did not work" in page
    assert await preference(world.api, person)


async def test_a_broken_multipart_form_is_refused(world: World, service: Service) -> None:
    person = await world.person()
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=yy"):
        answer = await world.api.post(
            address(service, person), raw=MULTIPART, headers={"Content-Type": content_type}
        )
        assert (answer.status, set(answer.error["details"])) == (400, {"body"})
    assert await preference(world.api, person)


async def test_a_body_that_is_no_form_is_refused(world: World, service: Service) -> None:
    person = await world.person()
    answer = await world.api.post(address(service, person), body={"List-Unsubscribe": "One-Click"})
    assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert await preference(world.api, person)


async def test_a_body_that_is_too_long_is_refused(world: World, service: Service) -> None:
    path = address(service, await world.person())
    answer = await world.api.post(path, raw=ONE_CLICK + b"&a=" + b"x" * 20_000, headers=FORM)
    assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("bad", ["xyzzy", "0" * 44, "%C3%A9", "%ED%A0%80", "a.b", str(AN_ID)])
async def test_a_link_that_is_none_of_ours_is_not_there(api: Api, bad: str) -> None:
    path = f"/unsubscribe/{bad}/"
    for answer in (await api.get(path), await one_click(api, path)):
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    for body in (None, ONE_CLICK):
        page = assert_page(await visit(api, path, body), 404)
        assert "This link does not work" in page
        assert bad not in page


async def test_without_a_token_there_is_nothing(api: Api) -> None:
    for path in ("/unsubscribe/", "/unsubscribe"):
        answer = await api.get(path)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_somebody_of_whom_nothing_is_kept_stays_unknown(api: Api, service: Service) -> None:
    gone = Person(uuid4(), "")
    assert (await one_click(api, address(service, gone))).status == 200
    assert await service.stores.users.find(gone.id) is None


async def test_no_login_is_needed_and_none_is_looked_at(world: World, service: Service) -> None:
    person = await world.person()
    for bearer in (None, "garbage", token(user_type="service")):
        path = address(service, person)
        answer = await one_click(world.api, path, token=bearer)
        assert answer.status == 200


async def test_a_fault_of_ours_is_a_page_and_tells_the_log_no_token(
    world: World, service: Service
) -> None:
    """Who has the token can unsubscribe the user, so logs are not to hold it."""
    person = await world.person()
    damaged = {"preferences.quiet_hours.start": "damaged"}
    await service.stores.users._users.update_one({"_id": person.id}, {"$set": damaged})
    path = address(service, person)
    with capture_logs() as lines:
        page = assert_page(await visit(world.api, path), 500)
    assert "That did not work" in page
    (line,) = [line for line in lines if line["event"] == "request_failed"]
    assert line["path"] == "/unsubscribe/"
    assert path.split("/")[2] not in repr(lines)
