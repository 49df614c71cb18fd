"""The Tornado application with what answers need before their handler is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import tornado.web
from tornado.httputil import format_timestamp

from server.edge import Edge


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
        super().__init__(handlers, **settings)

    def http_date(self) -> str:
        """Return the time as `Date` says it, written anew each second (RFC 9110 section 6.6.1)."""
        now_s = int(self._now())
        if now_s != self._dated_at_s:
            self._dated_at_s = now_s
            self._date = format_timestamp(now_s)
        return self._date
