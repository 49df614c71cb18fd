from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from config.settings import read_settings
from server import verifier as verifier_module
from server.auth import InvalidToken, KeysUnavailable
from server.claims import ClaimRules
from server.jwks import REFRESH_EVERY_S, UNKNOWN_KEY_EVERY_S, PublishedKeys
from server.keys import VerificationKey
from server.verifier import TokenVerifier, verifier_for
from tests.support.api import SECRET, token
from tests.support.issuer import (
    Issuer,
    SigningKey,
    ec_signing,
    publishing,
    rsa_signing,
    until,
)

SOMEBODY = UUID("11111111-1111-4111-8111-111111111111")
SECRET_KEY = VerificationKey("HS256", SECRET)
FILE = ec_signing(None)
FILE_KEY = VerificationKey("ES256", FILE.private.public_key())
OLD = rsa_signing("old")
NEW = rsa_signing("new")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def monotonic() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(OLD) as issuer:
        yield issuer


@pytest.fixture
async def published(issuer: Issuer, monotonic: Clock) -> AsyncIterator[PublishedKeys]:
    keys = PublishedKeys(issuer.url, fetch_within_s=1.0, monotonic=monotonic)
    yield keys
    await keys.close()


async def refused(verifier: TokenVerifier, bad: str, reason: str = "signed by") -> None:
    with pytest.raises(InvalidToken, match=reason):
        await verifier.verify(bad)
    assert verifier.find_verified(bad) is None


async def test_a_token_is_found_once_it_was_verified() -> None:
    verifier = TokenVerifier([SECRET_KEY])
    good = token(SOMEBODY)
    assert verifier.find_verified(good) is None
    principal = await verifier.verify(good)
    assert principal.user_id == SOMEBODY
    assert verifier.find_verified(good) is principal
    assert await verifier.verify(good) is principal


async def test_a_token_is_forgotten_when_it_expires() -> None:
    now_s = int(time.time())
    clock = Clock(now_s)
    verifier = TokenVerifier([SECRET_KEY], now=clock)
    lasting = token(SOMEBODY, exp=now_s + 60)
    principal = await verifier.verify(lasting)
    clock.now_s = principal.expires_at_s - 0.001
    assert verifier.find_verified(lasting) is principal
    clock.now_s = principal.expires_at_s
    assert verifier.find_verified(lasting) is None
    await refused(verifier, lasting, "expired")
    await refused(verifier, lasting, "expired")


async def test_no_more_tokens_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier_module, "CACHED_TOKENS", 3)
    verifier = TokenVerifier([SECRET_KEY])
    tokens = [token() for _ in range(5)]
    for each in tokens:
        await verifier.verify(each)
        await verifier.verify(tokens[0])
    kept = [verifier.find_verified(each) is not None for each in tokens]
    assert kept == [True, False, False, True, True]


async def test_a_public_key_alone_accepts_no_secret() -> None:
    verifier = TokenVerifier([FILE_KEY])
    assert (await verifier.verify(FILE.token(SOMEBODY))).user_id == SOMEBODY
    await refused(verifier, token(SOMEBODY))


async def test_a_public_key_and_a_secret_are_accepted_side_by_side() -> None:
    verifier = TokenVerifier([SECRET_KEY, FILE_KEY])
    for good in (token(SOMEBODY), FILE.token(SOMEBODY)):
        assert (await verifier.verify(good)).user_id == SOMEBODY
    await refused(verifier, ec_signing(None).token(SOMEBODY))


async def test_a_token_may_name_the_key_of_the_file() -> None:
    named = SigningKey(FILE.private, "2026-05")
    assert (await TokenVerifier([FILE_KEY]).verify(named.token(SOMEBODY))).user_id == SOMEBODY


async def test_a_good_signature_does_not_make_claims_good() -> None:
    verifier = TokenVerifier([FILE_KEY], rules=ClaimRules(issuer="us"))
    await verifier.verify(FILE.token(iss="us"))
    await refused(verifier, FILE.token(iss="them"), "iss")
    await refused(verifier, FILE.token(iss="us", exp=None), "exp")
    await refused(verifier, FILE.token(iss="us", exp=1), "expired")


async def test_a_published_key_is_fetched_by_the_first_token_that_needs_it(
    published: PublishedKeys, issuer: Issuer
) -> None:
    verifier = TokenVerifier([], published=published)
    good = OLD.token(SOMEBODY)
    assert (await verifier.verify(good)).user_id == SOMEBODY
    assert (await verifier.verify(OLD.token(SOMEBODY))).user_id == SOMEBODY
    assert issuer.requests == 1
    await refused(verifier, token(SOMEBODY))
    assert issuer.requests == 1


async def test_a_key_that_was_rotated_in_is_accepted_at_once(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    verifier = TokenVerifier([], published=published)
    await verifier.verify(OLD.token())
    issuer.keys = [OLD, NEW]
    monotonic.now_s += UNKNOWN_KEY_EVERY_S
    assert (await verifier.verify(NEW.token(SOMEBODY))).user_id == SOMEBODY


async def test_a_key_without_a_name_that_was_rotated_in_is_accepted_at_once(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    first, second = ec_signing(None), ec_signing(None)
    issuer.keys = [first]
    verifier = TokenVerifier([], published=published)
    await verifier.verify(first.token())
    issuer.keys = [second]
    monotonic.now_s += UNKNOWN_KEY_EVERY_S
    assert (await verifier.verify(second.token(SOMEBODY))).user_id == SOMEBODY


async def test_made_up_keys_are_refused_without_asking_the_issuer_each_time(
    published: PublishedKeys, issuer: Issuer
) -> None:
    verifier = TokenVerifier([], published=published)
    await verifier.verify(OLD.token())
    for number in range(20):
        await refused(verifier, ec_signing(f"made-up-{number}").token())
    assert issuer.requests == 1


async def test_a_forged_token_of_a_known_key_asks_nobody(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    verifier = TokenVerifier([], published=published)
    await verifier.verify(OLD.token())
    monotonic.now_s += UNKNOWN_KEY_EVERY_S
    await refused(verifier, SigningKey(NEW.private, "old").token())
    assert issuer.requests == 1


async def test_tokens_of_a_key_that_was_taken_back_are_forgotten(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    issuer.keys = [OLD, NEW]
    verifier = TokenVerifier([SECRET_KEY], published=published)
    old, new, own = OLD.token(SOMEBODY), NEW.token(SOMEBODY), token(SOMEBODY)
    for each in (old, new, own):
        await verifier.verify(each)
    issuer.keys = [NEW]
    monotonic.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    assert verifier.find_verified(old) is None
    assert verifier.find_verified(new) is not None
    assert verifier.find_verified(own) is not None
    await refused(verifier, old)


async def test_tokens_are_forgotten_when_another_key_takes_over_the_name(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    verifier = TokenVerifier([], published=published)
    old = OLD.token(SOMEBODY)
    await verifier.verify(old)
    issuer.keys = [SigningKey(NEW.private, "old")]
    monotonic.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    await refused(verifier, old)


async def test_while_the_issuer_is_down_its_keys_go_on_being_used(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    verifier = TokenVerifier([], published=published)
    await verifier.verify(OLD.token())
    await issuer.stop()
    monotonic.now_s += REFRESH_EVERY_S
    await published.refresh_if_due()
    assert (await verifier.verify(OLD.token(SOMEBODY))).user_id == SOMEBODY
    await refused(verifier, NEW.token())


async def test_before_the_issuer_ever_answered_a_token_may_be_a_good_one(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    await issuer.stop()
    verifier = TokenVerifier([SECRET_KEY, FILE_KEY], published=published)
    good = OLD.token(SOMEBODY)
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            await verifier.verify(good)
    assert (await verifier.verify(token(SOMEBODY))).user_id == SOMEBODY
    assert (await verifier.verify(FILE.token(SOMEBODY))).user_id == SOMEBODY
    await refused(verifier, token(secret=SECRET * 2))
    await refused(verifier, "abc", "malformed")
    issuer.start()
    monotonic.now_s += UNKNOWN_KEY_EVERY_S
    assert (await verifier.verify(good)).user_id == SOMEBODY


async def test_tokens_that_were_verified_do_not_wait_for_a_slow_issuer(
    published: PublishedKeys, issuer: Issuer, monotonic: Clock
) -> None:
    verifier = TokenVerifier([], published=published)
    known = OLD.token(SOMEBODY)
    await verifier.verify(known)
    issuer.may_answer.clear()
    monotonic.now_s += UNKNOWN_KEY_EVERY_S
    waiting = asyncio.create_task(verifier.verify(NEW.token()))
    await until(lambda: issuer.requests == 2)
    assert (await verifier.verify(known)).user_id == SOMEBODY
    assert (await verifier.verify(OLD.token(SOMEBODY))).user_id == SOMEBODY
    assert not waiting.done()
    issuer.keys = [OLD, NEW]
    issuer.may_answer.set()
    await waiting


async def test_the_settings_say_what_is_accepted(tmp_path: Path, issuer: Issuer) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(FILE.pem())
    base = {"SNB_DATA_DIR": str(tmp_path), "SNB_JWT_ISSUER": "us", "SNB_JWT_AUDIENCE": "here"}
    public = {"SNB_JWT_PUBLIC_KEY_FILE": str(file), "SNB_JWT_JWKS_URL": issuer.url}
    claims: dict[str, Any] = {"iss": "us", "aud": ["here"]}
    verifier = verifier_for(read_settings({**base, **public}))
    verifier.start()
    await verifier.verify(FILE.token(**claims))
    await verifier.verify(OLD.token(**claims))
    generated = read_settings({"SNB_DATA_DIR": str(tmp_path)}).jwt_secret
    assert generated is not None
    await refused(verifier, token(secret=generated, **claims))
    await refused(verifier, FILE.token(iss="us"), "aud")
    await refused(verifier, FILE.token(aud="here"), "iss")
    await verifier.close()
    named = verifier_for(read_settings({**base, **public, "SNB_JWT_SECRET": SECRET}))
    await named.verify(token(**claims))
    await named.close()
    alone = verifier_for(read_settings({**base, "SNB_JWT_SECRET": SECRET}))
    alone.start()
    await alone.verify(token(**claims))
    await refused(alone, FILE.token(**claims))
    await refused(alone, OLD.token(**claims))
    await alone.close()
