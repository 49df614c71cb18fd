"""The Tornado application with what answers need before their handler is there."""

from __future__ import annotations

from typing import Any

import tornado.web

from server.edge import Edge


class Application(tornado.web.Application):
    """Routes, and what is the same for all of them."""

    def __init__(self, handlers: list[Any], *, edge: Edge, **settings: Any) -> None:
        self.edge = edge
        super().__init__(handlers, **settings)
