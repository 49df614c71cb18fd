"""Ask Amazon SNS by HTTP: briefly, for little, and where it sends us nowhere else."""

from __future__ import annotations

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from server.webhooks.believing import ProviderAway

PROVIDER = "ses"
"""SNS is how SES speaks to us."""

WITHIN_S = 5.0
"""SNS itself waits 15 s for our answer."""

MOST_BYTES = 64 * 1_024
"""A certificate has 2 KB, a confirmation less."""


class Refused(Exception):
    """SNS answers, and not with what was asked for."""

    def __init__(self, status: int) -> None:
        super().__init__(f"SNS answers {status}")
        self.status = status


class SnsHttp:
    """A client of its own, so that nothing else waits for SNS."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._http = AsyncHTTPClient(force_instance=True, max_body_size=MOST_BYTES)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    async def get(self, url: str) -> bytes:
        """Return what is at `url`. Raises Refused, ProviderAway."""
        # Followed, a redirect could lead away from SNS; unpacked, a small body could be large.
        request = HTTPRequest(
            url,
            connect_timeout=self._within_s,
            request_timeout=self._within_s,
            follow_redirects=False,
            decompress_response=False,
        )
        try:
            return (await self._http.fetch(request)).body
        except HTTPClientError as error:
            if error.code < 500:
                raise Refused(error.code) from None
            raise ProviderAway(PROVIDER, f"SNS answers {error.code}") from None
        except OSError as error:
            raise ProviderAway(PROVIDER, type(error).__name__) from None
