"""The Tornado application with what answers need before their handler is there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import tornado.web
from tornado.httputil import (
    HTTPConnection,
    HTTPMessageDelegate,
    HTTPServerRequest,
    format_timestamp,
)

from server.edge import Edge
from server.incoming import Handling, Incoming

PLAIN = re.compile(r"[a-z/-]+")
"""A route without anything to be found by but itself, once its end is taken off."""

OPTIONAL_SLASH = "/?"

Target = list[Any]
"""A route's handler, and what that is given."""


class Application(tornado.web.Application):
    """Routes, and what is the same for all of them."""

    def __init__(
        self,
        handlers: list[Any],
        *,
        edge: Edge,
        now: Callable[[], float] = time.time,
        **settings: Any,
    ) -> None:
        self.edge = edge
        self._now = now
        self._dated_at_s = 0
        self._date = ""
        self._plain = dict(_plain_paths(handlers))
        super().__init__(handlers, **settings)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:  # type: ignore[override]
        """Return who answers `request`; most paths are looked up, others tried by each route."""
        plain = self._plain.get(request.path)
        if plain is None:
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, *plain)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Return what takes the next request of a connection."""
        return Incoming(self, server_conn, request_conn)

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[tornado.web.RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> Handling:
        """Return what takes a request for its handler."""
        return Handling(self, request, target_class, target_kwargs, path_args, path_kwargs)

    def http_date(self) -> str:
        """Return the time as `Date` says it, written anew each second (RFC 9110 section 6.6.1)."""
        now_s = int(self._now())
        if now_s != self._dated_at_s:
            self._dated_at_s = now_s
            self._date = format_timestamp(now_s)
        return self._date


def _plain_paths(routes: Iterable[Any]) -> Iterable[tuple[str, Target]]:
    """Return whose the paths are that are all that a route is found by; the first route counts."""
    before: list[re.Pattern[str]] = []
    for pattern, *target in routes:
        path = pattern.removesuffix(OPTIONAL_SLASH)
        if PLAIN.fullmatch(path):
            paths = (path,) if path == pattern else (path, f"{path}/")
            for each in paths:
                if not any(earlier.fullmatch(each) for earlier in before):
                    yield each, target
        before.append(re.compile(pattern))
