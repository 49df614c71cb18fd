"""What is true of every request and every answer, whatever it is about."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pymongo
import pytest
import structlog

from config.logging import configure_logging
from server.service import Service
from tests.server.inboxes import keep_unread
from tests.server.wire import Wire
from tests.support.api import AN_ID, Answer, Api, token
from tests.support.world import Person

MARK_READ = "/api/notifications/mark-read/"
UNREAD_COUNT = "/api/notifications/unread-count/"
CUSTOMER = token()


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/",
        "/api/notifications/unread",
        "/api/notifications//",
        "/api/unfollow/not-a-uuid/",
        f"/api/unfollow/{AN_ID}/more/",
        "/api/notifications/123/delete/",
        "/ws/",
        f"/ws/notifications/{AN_ID}/more",
        "/%ff",
        "/..%2fetc/passwd",
        "/demo/../config",
        "/static/demo.js",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_404_whatever_the_method(api: Api, method: str, path: str) -> None:
    answer = await api.request(method, path)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_the_demo_has_no_other_files(api: Api) -> None:
    assert (await api.get("/demo/secrets")).status == 404


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PROPFIND"])
async def test_an_unknown_path_is_404_before_anybody_is_asked_for_a_token(
    api: Api, method: str
) -> None:
    assert (await api.request(method, "/nowhere")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/notifications/", "GET, HEAD, OPTIONS, POST"),
        ("POST", UNREAD_COUNT, "GET, HEAD, OPTIONS"),
        ("PATCH", MARK_READ, "OPTIONS, POST"),
        ("PUT", MARK_READ, "OPTIONS, POST"),
        ("GET", MARK_READ, "OPTIONS, POST"),
        ("HEAD", MARK_READ, "OPTIONS, POST"),
        ("PATCH", f"/api/notifications/{AN_ID}/delete/", "DELETE, OPTIONS"),
        ("POST", f"/api/unfollow/{AN_ID}/", "DELETE, OPTIONS"),
        ("PUT", "/api/follow/", "OPTIONS, POST"),
        ("DELETE", "/health/live/", "GET, HEAD, OPTIONS"),
        ("POST", "/ws/notifications/", "GET, OPTIONS"),
        ("HEAD", "/ws/notifications/", "GET, OPTIONS"),
        ("PROPFIND", MARK_READ, "OPTIONS, POST"),
        ("get", UNREAD_COUNT, "GET, HEAD, OPTIONS"),
    ],
)
async def test_another_method_is_405_and_says_which_are_allowed(
    wire: Wire, method: str, path: str, allowed: str
) -> None:
    await wire.send(f"{method} {path} HTTP/1.1", f"Authorization: Bearer {CUSTOMER}")
    answer = await wire.answer(has_body=method != "HEAD")
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    ["/health/live/", UNREAD_COUNT, "/api/notifications/?page=0", "/api/openapi.json", "/nowhere"],
)
async def test_head_answers_as_get_does_but_without_a_body(wire: Wire, path: str) -> None:
    asked_by = f"Authorization: Bearer {CUSTOMER}", "X-Request-ID: 7"
    await wire.send(f"HEAD {path} HTTP/1.1", *asked_by)
    head = await wire.answer(has_body=False)
    await wire.send(f"GET {path} HTTP/1.1", *asked_by)
    got = await wire.answer()
    assert head.status == got.status
    assert shown_of(head) == shown_of(got)


def shown_of(answer: Answer) -> dict[str, str]:
    """Return the headers but for the clock."""
    return {name: value for name, value in answer.headers.get_all() if name != "Date"}


async def test_a_connection_serves_many_requests(wire: Wire) -> None:
    for bearer, path, status in (
        (CUSTOMER, UNREAD_COUNT, 200),
        (CUSTOMER, "/api/notifications/?page=0", 400),
        ("garbage", UNREAD_COUNT, 401),
        (CUSTOMER, "/nowhere", 404),
        (CUSTOMER, MARK_READ, 405),
    ) * 2:
        await wire.send(f"GET {path} HTTP/1.1", f"Authorization: Bearer {bearer}")
        answer = await wire.answer()
        assert answer.status == status
        assert "Connection" not in answer.headers


SANE_IDS = [
    "7",
    "abc-123_DEF.456:789/x+y=z@here",
    str(AN_ID),
    "x" * 128,
]
INSANE_IDS = [
    "",
    "x" * 129,
    "two words",
    "<script>",
    'say "hello"',
    "tab\there",
    "caf\u00e9",
    "a;b",
]


@pytest.mark.parametrize("given", SANE_IDS)
@pytest.mark.parametrize(
    ("path", "status"), [(UNREAD_COUNT, 200), ("/nowhere", 404), ("/ws/notifications/", 400)]
)
async def test_a_sane_request_id_is_given_back(
    api: Api, given: str, path: str, status: int
) -> None:
    answer = await api.get(path, CUSTOMER, headers={"X-Request-ID": given})
    assert answer.status == status
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", INSANE_IDS)
@pytest.mark.parametrize("path", [UNREAD_COUNT, "/nowhere"])
async def test_an_insane_request_id_is_replaced_by_one_of_ours(
    api: Api, given: str, path: str
) -> None:
    answer = await api.get(path, CUSTOMER, headers={"X-Request-ID": given})
    assert str(UUID(answer.headers["X-Request-ID"])) == answer.headers["X-Request-ID"]


async def test_requests_without_an_id_get_different_ones(api: Api) -> None:
    ids = {(await api.get(UNREAD_COUNT, CUSTOMER)).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("path", [UNREAD_COUNT, "/nowhere", "/ws/notifications/"])
async def test_no_answer_names_the_server_or_may_be_cached(api: Api, path: str) -> None:
    answer = await api.get(path, CUSTOMER)
    assert "Server" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Undo what a test does to logging."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_but_where_to_look(
    api: Api,
    service: Service,
    mongodb_uri: str,
    database_name: str,
    capsys: pytest.CaptureFixture[str],
    logging_as_before: None,
) -> None:
    user_id = uuid4()
    person = Person(user_id, token(user_id))
    (broken,) = await keep_unread(service, person, 1)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        client[database_name]["notifications"].update_one(
            {"_id": UUID(broken)}, {"$unset": {"title": ""}}
        )
    configure_logging("json", "info")
    answer = await api.get(
        "/api/notifications/", person.token, headers={"X-Request-ID": "trace-me"}
    )
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
    assert answer.error["details"] == {"request_id": "trace-me"}
    assert "KeyError" not in json.dumps(answer.body)
    (line,) = capsys.readouterr().err.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["request_id"]) == ("request_failed", "trace-me")
    assert "KeyError" in logged["exception"]
    assert person.token not in line
