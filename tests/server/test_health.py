from __future__ import annotations

import pytest
from tornado.testing import bind_unused_port

from tests.support.api import Api, token
from tests.support.relay import directly, relayed
from tests.support.service import running
from tests.support.world import eventually

OWN = {"SNB_INSTANCE": "test:health"}
"""A place of its own beside the module's service, which it would supersede."""

CHECKS = {"database": "ok", "clock": "ok", "bus": "ok", "queue": "ok"}


def closed_port() -> int:
    """Return a port on which nobody listens."""
    socket, port = bind_unused_port()
    socket.close()
    return port


@pytest.mark.parametrize("path", ["/health/live/", "/health/live"])
async def test_a_process_that_answers_is_live(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.body) == (200, {"status": "live"})


@pytest.mark.parametrize("path", ["/health/ready/", "/health/ready"])
async def test_a_process_that_reaches_everything_is_ready(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.body) == (200, {"status": "ready", "checks": CHECKS})


@pytest.mark.parametrize(
    ("variables", "away"),
    [
        (("SNB_REDIS_URL",), {"bus"}),
        (("SNB_QUEUE_REDIS_URL",), {"queue"}),
        (("SNB_REDIS_URL", "SNB_QUEUE_REDIS_URL"), {"bus", "queue"}),
    ],
    ids=["bus", "queue", "both"],
)
async def test_without_redis_a_process_is_live_but_not_ready_and_says_what_is_away(
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    variables: tuple[str, ...],
    away: set[str],
) -> None:
    nowhere = f"redis://127.0.0.1:{closed_port()}/0"
    urls = OWN | {"SNB_REDIS_URL": redis_url, "SNB_QUEUE_REDIS_URL": redis_url}
    urls |= dict.fromkeys(variables, nowhere)
    async with running(mongodb_uri, redis_url, database_name, **urls) as service:
        api = Api(service.settings.public_url)
        assert (await api.get("/health/live/")).status == 200
        answer = await api.get("/health/ready/")
        assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
        assert answer.error["message"] == f"Not ready: {', '.join(sorted(away))}"
        assert {name for name, state in answer.error["details"].items() if state != "ok"} == away
        inbox = await api.get("/api/notifications/", token())
        assert inbox.status == 200, "REST goes on without Redis"
        api.close()


async def test_a_clock_that_is_not_the_stores_makes_a_process_not_ready(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with running(mongodb_uri, redis_url, database_name, **OWN) as service:
        api = Api(service.settings.public_url)
        service.readiness._clock._offset_s = -5.001
        answer = await api.get("/health/ready/")
        assert answer.status == 503
        assert answer.error["details"] == CHECKS | {"clock": "-5.0 s off the store's"}
        api.close()


async def test_a_store_that_goes_away_is_503_and_comes_back_by_itself(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    person = token()
    with relayed(mongodb_uri) as store:
        uri = directly(store.url)
        async with running(uri, redis_url, database_name, **OWN) as service:
            api = Api(service.settings.public_url)
            assert (await api.get("/health/ready/")).status == 200
            store.vanish()
            answer = await api.get("/health/ready/")
            assert (answer.status, answer.error["message"]) == (503, "Not ready: database")
            assert answer.error["details"]["database"].startswith("away: ")
            answer = await api.get("/api/notifications/", person)
            assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            assert (await api.get("/health/live/")).status == 200
            store.appear()

            async def is_back() -> bool:
                return (await api.get("/health/ready/")).status == 200

            await eventually(is_back)
            assert (await api.get("/api/notifications/", person)).status == 200
            api.close()
