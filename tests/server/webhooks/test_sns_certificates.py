from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from server.webhooks.believing import NotBelieved, ProviderAway
from server.webhooks.sns_certificates import FETCHED_AT_ONCE, KEPT_S, SnsCertificates
from server.webhooks.sns_http import MOST_BYTES, SnsHttp
from server.webhooks.sns_origin import SnsOrigin
from tests.support.peers.http_peer import Reply
from tests.support.peers.sns import CERTIFICATE, TOPIC, SnsPeer, certificate, key, sns_peer

HOUR = timedelta(hours=1)


class Cache:
    """The certificates, with a clock that tests move."""

    def __init__(self, url: str) -> None:
        self.now_s = 0.0
        self.url = url + CERTIFICATE
        self.http = SnsHttp(within_s=0.5)
        origin = SnsOrigin(TOPIC, url)
        self._certificates = SnsCertificates(origin, self.http, lambda: self.now_s)

    async def key(self, url: str | None = None, after: timedelta = timedelta()) -> object:
        """Return the numbers of the key at `url`."""
        now = datetime.now(UTC) + after
        return (await self._certificates.key(url or self.url, now=now)).public_numbers()


@pytest.fixture
async def sns() -> AsyncIterator[SnsPeer]:
    async with sns_peer() as peer:
        yield peer


@pytest.fixture
async def cache(sns: SnsPeer) -> AsyncIterator[Cache]:
    made = Cache(sns.url)
    yield made
    made.http.close()


async def test_a_certificate_is_fetched_once_for_all_who_need_it(
    sns: SnsPeer, cache: Cache
) -> None:
    keys = await asyncio.gather(*(cache.key() for _ in range(20)))
    assert set(keys) == {key().public_key().public_numbers()}
    assert await cache.key() in keys
    assert sns.certificates_fetched == 1


async def test_it_is_fetched_again_when_it_is_old(sns: SnsPeer, cache: Cache) -> None:
    await cache.key()
    cache.now_s = KEPT_S - 1
    await cache.key()
    assert sns.certificates_fetched == 1
    cache.now_s = KEPT_S + 1
    await cache.key()
    assert sns.certificates_fetched == 2


async def test_it_is_not_believed_before_and_after_its_time(sns: SnsPeer, cache: Cache) -> None:
    sns.certificate = certificate(begins=-HOUR, ends=HOUR)
    await cache.key()
    for after in (-2 * HOUR, 2 * HOUR):
        with pytest.raises(NotBelieved, match="out of date"):
            await cache.key(after=after)


async def test_it_has_an_rsa_key(sns: SnsPeer, cache: Cache) -> None:
    sns.certificate = certificate(is_rsa=False)
    with pytest.raises(NotBelieved, match="no RSA key"):
        await cache.key()


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(body={"not": "a certificate"}), "the certificate is none"),
        (Reply(404), r"is not there \(404\)"),
        (Reply(302, headers={"Location": CERTIFICATE}), r"is not there \(302\)"),
    ],
)
async def test_what_is_no_certificate_is_not_believed(
    sns: SnsPeer, cache: Cache, reply: Reply, problem: str
) -> None:
    sns.instead = reply
    with pytest.raises(NotBelieved, match=problem):
        await cache.key()
    sns.instead = None
    # It was not kept.
    await cache.key()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503),
        Reply(is_cut=True),
        Reply(after_s=1.0),
        Reply(body={"long": "x" * MOST_BYTES}),
    ],
    ids=["away", "cut", "slow", "long"],
)
async def test_while_sns_is_away_nobody_knows(sns: SnsPeer, cache: Cache, reply: Reply) -> None:
    sns.instead = reply
    with pytest.raises(ProviderAway):
        await cache.key()


async def test_nobody_answers_at_all(cache: Cache) -> None:
    other = Cache("http://127.0.0.1:1")
    with pytest.raises(ProviderAway):
        await other.key()
    other.http.close()


async def test_made_up_names_keep_sns_busy_only_so_far(sns: SnsPeer, cache: Cache) -> None:
    sns.instead = Reply(404, after_s=0.2)
    names = [f"{sns.url}/{n}.pem" for n in range(FETCHED_AT_ONCE)]
    asked = [asyncio.create_task(cache.key(name)) for name in [cache.url, *names[1:]]]
    await asyncio.sleep(0)
    with pytest.raises(ProviderAway, match="too many"):
        await cache.key(names[0])
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(each, NotBelieved) for each in results)


async def test_who_stops_waiting_does_not_end_it_for_others(sns: SnsPeer, cache: Cache) -> None:
    first, second = asyncio.create_task(cache.key()), asyncio.create_task(cache.key())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == key().public_key().public_numbers()
    assert sns.certificates_fetched == 1
