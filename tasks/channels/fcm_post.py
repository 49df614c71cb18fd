"""Post pushes over connections of the worker's own loop, which firebase-admin has no way to do.

Its blocking client takes a thread for each push, and its asynchronous one, httpx, costs several
times what a push does here. Proxies and certificates are those that `requests` would take from the
environment, as the SDK does.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import requests
from aiohttp import (
    ClientConnectorError,
    ClientHttpProxyError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from requests.utils import prepend_scheme_if_needed, select_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_FOR_S = 60.0
"""An idle connection. Google closes them after some minutes."""

UNCONNECTED = (ClientConnectorError, ClientHttpProxyError, ConnectionTimeoutError)
"""What is raised before anything of a push was sent; other failures leave that open, as of a proxy
that closes the connection instead of making its own."""

_AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent")
"""Headers that nobody needs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What FCM answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class FcmPost:
    """As many connections as there are pushes without an answer."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """Take where pushes go; an answer is waited for as long as a connection is."""
        self._url = url
        self._timeout = ClientTimeout(total=2 * timeout_s, connect=timeout_s, sock_read=timeout_s)
        with requests.Session() as session:
            of_environment = session.merge_environment_settings(url, {}, None, None, None)
        proxy = select_proxy(url, of_environment["proxies"])
        self._proxy = prepend_scheme_if_needed(proxy, "http") if proxy else None
        is_encrypted = url.startswith("https:")
        self._trusted = _trusted(of_environment["verify"]) if is_encrypted else True
        self._session: ClientSession | None = None

    async def __call__(self, headers: Mapping[str, str], content: bytes) -> Answer:
        """Post `content`, which is JSON, on the loop that is the first to do so.

        Raises one of UNCONNECTED, or another aiohttp.ClientError or TimeoutError.
        """
        if self._session is None:
            self._session = self._opened()
        async with self._session.post(
            self._url,
            data=content,
            headers={**headers, "Content-Type": "application/json"},
            proxy=self._proxy,
            allow_redirects=False,
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> ClientSession:
        return ClientSession(
            # How many there are at once is bounded by the channel's slots.
            connector=TCPConnector(limit=0, keepalive_timeout=KEPT_FOR_S, ssl=self._trusted),
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            timeout=self._timeout,
        )


def _trusted(verify: bool | str) -> ssl.SSLContext:
    """Return what certificates are held to; `verify` is as `requests` has it."""
    where = Path(certifi.where() if verify is True else str(verify))
    return (
        ssl.create_default_context(capath=where)
        if where.is_dir()
        else ssl.create_default_context(cafile=where)
    )
