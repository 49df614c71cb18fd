"""Paths that are looked up lead where trying one route after the other does."""

from __future__ import annotations

from typing import Any

import pytest
import tornado.web
from tornado.httputil import HTTPServerRequest, RequestStartLine

from server.app import routes
from server.application import Application
from server.edge import Edge
from server.handlers.base import UnknownPath

EDGE = Edge(allowed_origins=(), is_https=False)
TABLE = routes(has_demo=True)
PLAIN = sorted({pattern.removesuffix(end) for pattern, _ in TABLE for end in ("?", "/?")})
"""In one order, by which the programs that run the tests agree."""


class First(tornado.web.RequestHandler):
    pass


class Second(tornado.web.RequestHandler):
    pass


def application(table: list[tuple[str, type[tornado.web.RequestHandler]]]) -> Application:
    found: list[Any] = [(pattern, handler, {}) for pattern, handler in table]
    return Application(found, edge=EDGE, default_handler_class=UnknownPath)


def asked(path: str) -> HTTPServerRequest:
    return HTTPServerRequest(start_line=RequestStartLine("GET", path, "HTTP/1.0"))


def handler_of(delegate: Any) -> type:
    found: type = delegate.handler_class
    return found


@pytest.mark.parametrize("path", [*PLAIN, "/", "/nowhere", "/api/notifications//"])
def test_a_path_leads_to_the_same_handler_whether_it_is_looked_up_or_tried(path: str) -> None:
    ours = application(TABLE)
    looked_up = ours.find_handler(asked(path))
    tried = tornado.web.Application.find_handler(ours, asked(path))
    assert handler_of(looked_up) is handler_of(tried)


@pytest.mark.parametrize(
    ("path", "handler"),
    [("/one", First), ("/one/", Second), ("/two", First), ("/Two", UnknownPath)],
)
def test_the_first_route_that_fits_counts(path: str, handler: type) -> None:
    ours = application([(r"/[a-z]+", First), (r"/one/?", Second), (r"/two", Second)])
    assert handler_of(ours.find_handler(asked(path))) is handler


def test_the_handler_of_a_path_that_is_looked_up_is_given_what_its_route_says() -> None:
    ours = Application([(r"/one", First, {"number": 1})], edge=EDGE)
    delegate: Any = ours.find_handler(asked("/one"))
    assert delegate.handler_kwargs == {"number": 1}
