"""Keep the certificates that Amazon SNS signs with, fetched from SNS itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from cachetools import TTLCache
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from server.webhooks.believing import NotBelieved, ProviderAway
from server.webhooks.sns_http import PROVIDER, Refused, SnsHttp
from server.webhooks.sns_origin import SnsOrigin

KEPT_S = 3_600.0
"""SNS changes its certificate every few months; one taken back is used no longer than this."""

MOST_KEPT = 8

FETCHED_AT_ONCE = 4
"""Whoever names certificates that are not there makes us ask SNS no more often than this allows."""

log = structlog.get_logger(__name__)


class SnsCertificates:
    """The keys of certificates by their URL; all who need one at once share one fetch."""

    def __init__(
        self, origin: SnsOrigin, http: SnsHttp, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._origin = origin
        self._http = http
        self._known: TTLCache[str, x509.Certificate] = TTLCache(MOST_KEPT, KEPT_S, monotonic)
        self._fetching: dict[str, asyncio.Task[x509.Certificate]] = {}

    async def key(self, url: str, *, now: datetime) -> RSAPublicKey:
        """Return the key of the certificate at `url`. Raises NotBelieved, ProviderAway."""
        if not self._origin.has_certificate(url):
            raise NotBelieved(PROVIDER, "the certificate is not of SNS")
        certificate = self._known.get(url)
        if certificate is None:
            certificate = await self._fetched(url)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotBelieved(PROVIDER, "the certificate is out of date")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise NotBelieved(PROVIDER, "the certificate has no RSA key")
        return key

    async def _fetched(self, url: str) -> x509.Certificate:
        task = self._fetching.get(url)
        if task is None:
            if len(self._fetching) >= FETCHED_AT_ONCE:
                raise ProviderAway(PROVIDER, "too many certificates are asked for")
            task = asyncio.create_task(self._fetch(url))
            self._fetching[url] = task
            task.add_done_callback(lambda _: self._fetching.pop(url))
        # Whoever gives up waiting must not end the fetch of the others.
        await asyncio.wait([task])
        return task.result()

    async def _fetch(self, url: str) -> x509.Certificate:
        try:
            certificate = x509.load_pem_x509_certificate(await self._http.get(url))
        except Refused as error:
            raise NotBelieved(PROVIDER, f"the certificate is not there ({error.status})") from None
        except ValueError:
            raise NotBelieved(PROVIDER, "the certificate is none") from None
        self._known[url] = certificate
        log.info("sns_certificate_fetched", not_after=certificate.not_valid_after_utc.isoformat())
        return certificate
