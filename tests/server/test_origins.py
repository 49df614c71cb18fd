from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders

from server.origins import Origins

ALLOWED = ["https://app.example", "http://localhost:3000"]


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://app.example", True),
        ("https://APP.example", True),
        ("https://app.example:443", True),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://app.example.evil.example", False),
        ("https://evil.example/https://app.example", False),
        ("https://app.example@evil.example", False),
        ("http://localhost:3000", True),
        ("http://localhost", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("https://", False),
        ("https://[", False),
        ("https://app.example:port", False),
        ("chrome-extension://abcdef", False),
    ],
)
def test_what_is_allowed_is_allowed_however_it_is_written(origin: str, *, is_allowed: bool) -> None:
    assert Origins(ALLOWED, []).allow(origin, HTTPHeaders(), remote_ip="::1") is is_allowed


FORWARDED = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("origin", "remote_ip", "headers", "is_allowed"),
    [
        ("https://shop.example", "10.1.2.3", FORWARDED, True),
        ("http://shop.example", "10.1.2.3", FORWARDED, False),
        ("https://other.example", "10.1.2.3", FORWARDED, False),
        ("https://shop.example", "192.168.1.1", FORWARDED, False),
        ("https://shop.example", "::1", FORWARDED, False),
        ("https://shop.example", "", FORWARDED, False),
        ("http://shop.example", "10.1.2.3", {"X-Forwarded-Host": "shop.example"}, True),
        ("https://shop.example", "10.1.2.3", {"X-Forwarded-Host": "shop.example:443"}, True),
        ("https://shop.example", "10.1.2.3", {"X-Forwarded-Host": "shop.example, inner"}, True),
        ("https://inner", "10.1.2.3", {"X-Forwarded-Host": "shop.example, inner"}, False),
        ("https://shop.example", "10.1.2.3", {"X-Forwarded-Host": ""}, False),
        ("https://shop.example", "10.1.2.3", {"X-Forwarded-Proto": "https"}, False),
        ("https://shop.example", "10.1.2.3", FORWARDED | {"X-Forwarded-Proto": "ftp"}, False),
    ],
)
def test_the_own_origin_is_what_a_trusted_proxy_was_asked_for(
    origin: str, remote_ip: str, headers: dict[str, str], *, is_allowed: bool
) -> None:
    origins = Origins([], ["10.0.0.0/8"])
    assert origins.allow(origin, HTTPHeaders(headers), remote_ip=remote_ip) is is_allowed
