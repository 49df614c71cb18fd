"""Keep the keys that the token issuer publishes at a URL (JWKS, RFC 7517 §5).

The set is read at the start, every few minutes, and when a token names a key that is not in it. A
set that cannot be read changes nothing: the keys of the last one go on being used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.ioloop import PeriodicCallback

from server.keys import JwksUnusable, TokenHeader, VerificationKey, read_jwks

REFRESH_EVERY_S = 300.0
"""How long a token whose key was taken back may go on being accepted."""

RETRY_AFTER_S = 15.0
"""After a set that could not be read."""

UNKNOWN_KEY_EVERY_S = 5.0
"""Between two reads that tokens ask for: whoever sends made-up keys costs the issuer no more."""

FETCH_WITHIN_S = 3.0
"""A token with a new key waits for this at most, and its client for the answer."""

MAX_DOCUMENT_BYTES = 256 * 1_024

LOOK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class PublishedKeys:
    """The issuer's keys as last read; `on_change` is called when they have become others."""

    def __init__(
        self,
        url: str,
        *,
        fetch_within_s: float = FETCH_WITHIN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.keys: tuple[VerificationKey, ...] = ()
        self.has_answered = False
        """Whether a set has ever been read; before that nothing is known of any key."""
        self.problem: str | None = "has not been read yet"
        """Why the last read failed, None when it did not."""
        self._url = url
        self._fetch_within_s = fetch_within_s
        self._monotonic = monotonic
        self._began_at_s = -float("inf")
        self._reading: asyncio.Task[None] | None = None
        self._looking = PeriodicCallback(self.refresh_if_due, LOOK_EVERY_S * 1_000, jitter=0.1)
        self._http = AsyncHTTPClient(force_instance=True, max_body_size=MAX_DOCUMENT_BYTES)

    def start(self) -> None:
        """Begin to read the set, now and when it is due; nobody waits for it."""
        self._looking.start()
        self._read_soon()

    async def close(self) -> None:
        """Read no more; a read under way ends by its own deadline."""
        self._looking.stop()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        self._http.close()

    def fitting(self, header: TokenHeader) -> list[VerificationKey]:
        """Return the keys that a token with this header may be signed for."""
        return [key for key in self.keys if key.fits(header)]

    async def refresh_if_due(self) -> None:
        """Read the set when the last read is old enough."""
        every_s = REFRESH_EVERY_S if self.problem is None else RETRY_AFTER_S
        await self._refresh(every_s)

    async def refresh_for_unknown_key(self) -> None:
        """Read the set, unless that was just done; all who ask meanwhile share one read."""
        await self._refresh(UNKNOWN_KEY_EVERY_S)

    async def _refresh(self, every_s: float) -> None:
        if self._reading is None and self._monotonic() - self._began_at_s >= every_s:
            self._read_soon()
        if self._reading is not None:
            # Whoever gives up waiting must not end the read of the others.
            await asyncio.wait([self._reading])

    def _read_soon(self) -> None:
        self._began_at_s = self._monotonic()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            keys = read_jwks(await self._fetch())
        except (JwksUnusable, HTTPClientError, OSError, ValueError) as error:
            self._failed(str(error) or type(error).__name__)
        else:
            self._succeeded(keys)
        finally:
            self._reading = None

    async def _fetch(self) -> bytes:
        # Followed, a redirect could lead from https to http; unpacked, a small body could be large.
        request = HTTPRequest(
            self._url,
            headers={"Accept": "application/jwk-set+json, application/json"},
            connect_timeout=self._fetch_within_s,
            request_timeout=self._fetch_within_s,
            follow_redirects=False,
            decompress_response=False,
        )
        response = await self._http.fetch(request)
        return response.body

    def _failed(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("jwks_not_read", problem=problem, keys_kept=len(self.keys))
        self.problem = problem

    def _succeeded(self, keys: tuple[VerificationKey, ...]) -> None:
        is_news = not self.has_answered or self.problem is not None or keys != self.keys
        is_change = keys != self.keys
        # A key that stays is the same object as before, so that it can be told by identity.
        self.keys = tuple(next((old for old in self.keys if old == key), key) for key in keys)
        self.has_answered, self.problem = True, None
        if is_news:
            key_ids = [key.key_id for key in keys]
            (log.info if keys else log.warning)("jwks_read", key_ids=key_ids)
        if is_change:
            self.on_change()
