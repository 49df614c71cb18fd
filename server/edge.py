"""What every answer tells browsers: security headers, and which other origins may read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from server.http_headers import Headers
from server.origins import normal_origin

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""For answers that are no pages; a page has a policy of its own."""

STRICT_TRANSPORT = "max-age=31536000"
"""A year, the least that browsers' preload lists ask for."""

REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Request-ID"
"""What scripts of other origins may send."""

EXPOSED_HEADERS = ", ".join(
    ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After")
)
"""What scripts of other origins may read."""

PREFLIGHT_HOLDS_S = 7_200
"""The most that Chromium remembers a preflight for."""


OF_JSON = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
"""What an answer is, where its handler does not say otherwise."""


class Edge:
    """Headers of answers, by who asks; built once a process."""

    def __init__(self, *, allowed_origins: Collection[str], is_https: bool) -> None:
        self._allowed_origins = frozenset(map(normal_origin, allowed_origins))
        self._same_for_all = Headers.begun_with(OF_JSON | SECURITY_HEADERS)
        if is_https:
            self._same_for_all["Strict-Transport-Security"] = STRICT_TRANSPORT
        if allowed_origins:
            self._same_for_all["Vary"] = "Origin"

    def headers(self, origin: str | None) -> Headers:
        """Return what an answer to a request of `origin` begins with, to be added to."""
        headers = self._same_for_all.another()
        if self._allows(origin):
            headers["Access-Control-Allow-Origin"] = str(origin)
            headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        return headers

    def preflight(self, origin: str | None, methods: Iterable[str]) -> Mapping[str, str]:
        """Return what tells a browser that scripts of `origin` may use `methods` (Fetch §3.3.2)."""
        if not self._allows(origin):
            return {}
        return {
            "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_HOLDS_S),
        }

    def _allows(self, origin: str | None) -> bool:
        if origin is None or not self._allowed_origins:
            return False
        normal = normal_origin(origin)
        return normal is not None and normal in self._allowed_origins
