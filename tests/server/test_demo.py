from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest

from server import demo
from server.auth import UserType
from server.demo import (
    DEMO_BUSINESSES,
    DEMO_SERVICE_ID,
    DEMO_USERS,
    Seeded,
    SeedingFailed,
    seed,
)

Answer = tuple[int, dict[str, Any]]


class Platform:
    """A peer that answers as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, list[Answer]] = {}
        self.url = ""

    def answer(self, path: str, *answers: Answer) -> None:
        """Answer one after the other; the last one for good."""
        self.answers[path] = list(answers)


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            platform.asked.append((self.path, self.headers["Authorization"], body))
            answers = platform.answers[self.path.removeprefix("/base")]
            status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        platform.url = f"http://127.0.0.1:{server.server_port}"
        yield platform
        server.shutdown()
        thread.join()


def token_for(sub: UUID, user_type: UserType) -> str:
    return f"{user_type}:{sub}"


EVENTS, FOLLOW = "/api/internal/events/", "/api/follow/"


def test_everybody_is_told_of_and_customers_follow_every_business(platform: Platform) -> None:
    platform.answer(EVENTS, (202, {"accepted": 8, "duplicates": 0}))
    platform.answer(FOLLOW, (409, {}), (201, {}))
    assert seed(f"{platform.url}/base", token_for) == Seeded(8, 7)
    (path, authorization, body), *follows = platform.asked
    assert path == f"/base{EVENTS}"
    assert authorization == f"Bearer service:{DEMO_SERVICE_ID}"
    assert [event["type"] for event in body["events"]] == ["user.registered"] * 6 + [
        "business.created"
    ] * 2
    assert len({event["id"] for event in body["events"]}) == 8
    followers = {(who, asked["business_id"]) for _, who, asked in follows}
    assert followers == {
        (f"Bearer {user.user_type}:{user.id}", str(business.id))
        for user in DEMO_USERS
        if user.business_id is None
        for business in DEMO_BUSINESSES
    }


def test_the_demo_data_fits_together() -> None:
    owners = {user.id: user.business_id for user in DEMO_USERS if user.business_id}
    assert owners == {business.owner_id: business.id for business in DEMO_BUSINESSES}
    assert len({user.id for user in DEMO_USERS}) == len(DEMO_USERS) == 6


def test_who_unfollowed_stays_so_when_the_service_knew_it_all(platform: Platform) -> None:
    platform.answer(EVENTS, (202, {"accepted": 0, "duplicates": 8}))
    assert seed(platform.url, token_for, keep_unfollowed=True) == Seeded(0, 0)
    assert len(platform.asked) == 1


def test_a_business_that_is_not_stored_yet_is_waited_for(platform: Platform) -> None:
    platform.answer(EVENTS, (202, {"accepted": 8, "duplicates": 0}))
    platform.answer(FOLLOW, (404, {}), (201, {}))
    assert seed(platform.url, token_for).follows_new == 8


def _refuse_events(platform: Platform) -> None:
    platform.answer(EVENTS, (401, {}))


def _refuse_follows(platform: Platform) -> None:
    platform.answer(EVENTS, (202, {"accepted": 8, "duplicates": 0}))
    platform.answer(FOLLOW, (403, {}))


def _never_store(platform: Platform) -> None:
    platform.answer(EVENTS, (202, {"accepted": 8, "duplicates": 0}))
    platform.answer(FOLLOW, (404, {}))


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (_refuse_events, "/api/internal/events/: answered 401"),
        (_refuse_follows, "/api/follow/: answered 403"),
        (_never_store, "/api/follow/: answered 404"),
    ],
)
def test_what_the_service_does_not_take_is_told(
    platform: Platform,
    arrange: Callable[[Platform], None],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "STORED_WITHIN_S", 0.0)
    arrange(platform)
    with pytest.raises(SeedingFailed) as failed:
        seed(platform.url, token_for)
    assert str(failed.value) == said


def test_a_service_that_does_not_run_is_told() -> None:
    with pytest.raises(SeedingFailed, match="Connection refused"):
        seed("https://127.0.0.1:1", token_for)
