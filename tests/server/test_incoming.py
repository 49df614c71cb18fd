"""A request is what Tornado would have made of it, however it was made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

from server.http_headers import Headers
from server.incoming import LONGEST_HOST, Request

CLOCK = "_start_time"
LONG = "a" * (LONGEST_HOST + 1)
CONNECTION: Any = SimpleNamespace(context=SimpleNamespace(remote_ip="192.0.2.1", protocol="https"))


def both(path: str, version: str, headers: HTTPHeaders) -> tuple[HTTPServerRequest, Request]:
    """Return Tornado's request and ours."""
    asked = RequestStartLine("GET", path, version)
    tornados = HTTPServerRequest(
        start_line=asked, headers=headers, connection=CONNECTION, server_connection=7
    )
    return tornados, Request(asked, headers, CONNECTION, 7)


@pytest.mark.parametrize("path", ["/", "/a%20b", "/?", "/?page=2&page=3&empty=", "http://x/y", "*"])
@pytest.mark.parametrize("host", ["Tests", "tests:8000", "[::1]:80", "", LONG])
def test_a_request_has_all_that_tornados_has(path: str, host: str) -> None:
    tornados, ours = both(path, "HTTP/1.1", Headers({"Host": host, "Accept": "a"}))
    said, known = vars(ours), vars(tornados)
    assert said.pop(CLOCK) >= known.pop(CLOCK)
    assert said == known
    assert repr(ours) == repr(tornados).replace("HTTPServerRequest", "Request")


def test_an_old_client_need_not_name_a_host() -> None:
    tornados, ours = both("/", "HTTP/1.0", Headers())
    assert (ours.host, ours.host_name) == (tornados.host, tornados.host_name)


@pytest.mark.parametrize(
    "headers", [Headers(), *(Headers({"Host": each}) for each in ("a b", "a,b"))]
)
def test_another_has_to_name_one(headers: Headers) -> None:
    for path in ("/", "/?page=2"):
        with pytest.raises(HTTPInputError):
            Request(RequestStartLine("GET", path, "HTTP/1.1"), headers, CONNECTION, None)


def test_what_is_asked_twice_is_not_the_same_list() -> None:
    _, ours = both("/?page=2", "HTTP/1.1", Headers({"Host": "tests"}))
    assert ours.arguments == ours.query_arguments
    assert ours.arguments["page"] is not ours.query_arguments["page"]
