from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from server.client_address import ClientAddresses

TRUSTED = ("10.0.0.0/8", "fd00::/8", "127.0.0.1/32")


class Connection:
    """What Tornado's request asks its connection for."""

    def __init__(self, remote_ip: str) -> None:
        self.context = self
        self.remote_ip = remote_ip
        self.protocol = "http"


def address(remote_ip: str, *forwarded: str, trusted: tuple[str, ...] = TRUSTED) -> str:
    headers = HTTPHeaders({"Host": "localhost"})
    for value in forwarded:
        headers.add("X-Forwarded-For", value)
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/", "HTTP/1.1"),
        headers=headers,
        connection=Connection(remote_ip),  # type: ignore[arg-type]
    )
    return ClientAddresses(trusted).of(request)


@pytest.mark.parametrize(
    ("remote_ip", "forwarded", "expected"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        ("10.1.2.3", (), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9",), "203.0.113.9"),
        ("10.1.2.3", ("203.0.113.9, 10.9.9.9",), "203.0.113.9"),
        ("10.1.2.3", ("203.0.113.9", "10.9.9.9"), "203.0.113.9"),
        ("10.1.2.3", ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
        ("10.1.2.3", ("unknown, 10.9.9.9",), "10.9.9.9"),
        ("10.1.2.3", ("",), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9" + " " * 64 + ", 10.9.9.9",), "10.9.9.9"),
        ("10.1.2.3", ("203.0.113.9:5123",), "203.0.113.9"),
        ("10.1.2.3", ("[2001:db8::9]:5123",), "2001:db8::/64"),
        ("::ffff:10.1.2.3", ("203.0.113.9",), "203.0.113.9"),
        ("::ffff:198.51.100.7", (), "198.51.100.7"),
        ("fd00::1", ("2001:db8:0:1:aaaa::9",), "2001:db8:0:1::/64"),
        ("2001:db8::9", ("203.0.113.9",), "2001:db8::/64"),
        ("", ("203.0.113.9",), ""),
    ],
)
def test_what_proxies_say_counts_as_far_as_they_are_trusted(
    remote_ip: str, forwarded: tuple[str, ...], expected: str
) -> None:
    assert address(remote_ip, *forwarded) == expected


def test_nobody_is_trusted_unless_named() -> None:
    assert address("127.0.0.1", "203.0.113.9", trusted=()) == "127.0.0.1"
