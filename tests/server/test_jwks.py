from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from server.jwks import (
    MAX_DOCUMENT_BYTES,
    REFRESH_EVERY_S,
    RETRY_AFTER_S,
    UNKNOWN_KEY_EVERY_S,
    PublishedKeys,
)
from server.keys import TokenHeader
from tests.support.issuer import Issuer, ec_signing, publishing, until

OLD = ec_signing("old")
NEW = ec_signing("new")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(OLD) as issuer:
        yield issuer


@pytest.fixture
async def published(issuer: Issuer, clock: Clock) -> AsyncIterator[PublishedKeys]:
    keys = PublishedKeys(issuer.url, fetch_within_s=1.0, monotonic=clock)
    yield keys
    await keys.close()


def names(published: PublishedKeys) -> list[str | None]:
    return [key.key_id for key in published.keys]


async def test_the_set_is_read_soon_after_the_start_and_nobody_waits(
    published: PublishedKeys, issuer: Issuer
) -> None:
    issuer.may_answer.clear()
    published.start()
    assert not published.has_answered
    issuer.may_answer.set()
    await until(lambda: published.has_answered)
    assert names(published) == ["old"]
    assert published.problem is None


async def test_a_start_while_the_issuer_is_down_is_made_good_later(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await issuer.stop()
    await published.refresh_if_due()
    assert (published.has_answered, published.keys) == (False, ())
    assert published.problem
    issuer.start()
    clock.now_s += RETRY_AFTER_S - 0.1
    await published.refresh_if_due()
    assert not published.has_answered
    clock.now_s += 0.1
    await published.refresh_if_due()
    assert names(published) == ["old"]


async def test_the_set_is_read_again_when_it_is_due_and_not_before(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await published.refresh_if_due()
    issuer.keys = [NEW]
    clock.now_s += REFRESH_EVERY_S - 0.1
    await published.refresh_if_due()
    assert (names(published), issuer.requests) == (["old"], 1)
    clock.now_s += 0.1
    await published.refresh_if_due()
    assert (names(published), issuer.requests) == (["new"], 2)


async def test_the_clock_of_the_loop_sees_to_it(published: PublishedKeys, issuer: Issuer) -> None:
    published.start()
    await until(lambda: names(published) == ["old"])
    issuer.keys = [NEW]
    clock = published._monotonic
    assert isinstance(clock, Clock)
    clock.now_s += REFRESH_EVERY_S
    await until(lambda: names(published) == ["new"])


async def test_made_up_keys_do_not_make_us_hammer_the_issuer(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await published.refresh_if_due()
    for _ in range(100):
        await published.refresh_for_unknown_key()
    assert issuer.requests == 1
    clock.now_s += UNKNOWN_KEY_EVERY_S
    for _ in range(100):
        await published.refresh_for_unknown_key()
    assert issuer.requests == 2


async def test_all_who_ask_at_once_share_one_read(published: PublishedKeys, issuer: Issuer) -> None:
    issuer.may_answer.clear()
    asking = [asyncio.create_task(published.refresh_for_unknown_key()) for _ in range(50)]
    await until(lambda: issuer.requests == 1)
    asking[0].cancel()
    issuer.may_answer.set()
    await asyncio.wait(asking)
    assert issuer.requests == 1
    assert names(published) == ["old"]
    assert [task.cancelled() for task in asking] == [True] + [False] * 49


async def test_a_slow_issuer_is_waited_for_so_long_and_no_longer(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.may_answer.clear()
    impatient = PublishedKeys(issuer.url, fetch_within_s=0.05, monotonic=clock)
    await impatient.refresh_if_due()
    assert not impatient.has_answered
    assert "Timeout" in str(impatient.problem)
    await impatient.close()


async def test_the_keys_are_kept_while_the_issuer_is_down(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await published.refresh_if_due()
    await issuer.stop()
    for _ in range(3):
        clock.now_s += REFRESH_EVERY_S
        await published.refresh_if_due()
        assert published.problem
        assert names(published) == ["old"]
        assert published.has_answered


UNUSABLE: dict[str, dict[str, object]] = {
    "an error": {"status": 500},
    "nothing there": {"status": 404},
    "a redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "no content": {"status": 204, "body": b""},
    "a page": {"body": b"<html>Sign in</html>"},
    "half a set": {"body": json.dumps({"keys": [NEW.jwk()]}).encode()[:-9]},
    "too much": {"body": b" " * MAX_DOCUMENT_BYTES + b'{"keys": []}'},
}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_an_answer_that_is_no_set_changes_nothing(
    published: PublishedKeys, issuer: Issuer, clock: Clock, answer: dict[str, object]
) -> None:
    await published.refresh_if_due()
    for name, value in answer.items():
        setattr(issuer, name, value)
    clock.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    assert issuer.requests == 2
    assert published.problem
    assert names(published) == ["old"]
    issuer.status, issuer.body, issuer.headers, issuer.keys = 200, None, {}, [NEW]
    clock.now_s += RETRY_AFTER_S
    await published.refresh_if_due()
    assert names(published) == ["new"]


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_what_does_not_speak_http_is_no_issuer(clock: Clock, answer: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    published = PublishedKeys(f"http://127.0.0.1:{port}/", monotonic=clock)
    await published.refresh_if_due()
    assert published.problem
    await published.close()
    server.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://a..b/", "https://[::1/"])
async def test_an_impossible_address_is_an_issuer_that_is_down(url: str, clock: Clock) -> None:
    published = PublishedKeys(url, monotonic=clock)
    await published.refresh_if_due()
    assert published.problem
    await published.close()


async def test_a_set_without_keys_takes_all_keys_back(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await published.refresh_if_due()
    issuer.keys = []
    clock.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    assert (published.keys, published.has_answered) == ((), True)


async def test_a_change_is_told_and_a_repetition_is_not(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    told: list[list[str | None]] = []
    published.on_change = lambda: told.append(names(published))
    for keys in ([OLD], [OLD], [OLD, NEW], [NEW], [ec_signing("new")]):
        issuer.keys = keys
        await published.refresh_if_due()
        clock.now_s += REFRESH_EVERY_S
    assert told == [["old"], ["old", "new"], ["new"], ["new"]]


async def test_a_key_that_stays_is_the_same_object(
    published: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await published.refresh_if_due()
    (old,) = published.keys
    issuer.keys = [NEW, OLD]
    clock.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    assert published.keys[1] is old


async def test_the_keys_for_a_token_are_those_of_its_name_and_algorithm(
    published: PublishedKeys, issuer: Issuer
) -> None:
    issuer.keys = [OLD, NEW]
    await published.refresh_if_due()
    assert [key.key_id for key in published.fitting(TokenHeader("ES256", "new"))] == ["new"]
    assert len(published.fitting(TokenHeader("ES256", None))) == 2
    assert published.fitting(TokenHeader("RS256", "new")) == []
    assert published.fitting(TokenHeader("HS256", None)) == []


async def test_closing_waits_for_a_read_under_way_no_longer_than_that_may_take(
    issuer: Issuer,
) -> None:
    issuer.may_answer.clear()
    published = PublishedKeys(issuer.url, fetch_within_s=0.1)
    published.start()
    waiting = asyncio.create_task(published.refresh_for_unknown_key())
    await until(lambda: issuer.requests == 1)
    await published.close()
    await waiting
    assert not published.has_answered
    assert issuer.requests == 1
