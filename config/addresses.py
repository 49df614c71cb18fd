"""Addresses in settings: where processes listen, how they are reached, and who comes from where."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from config.reader import Reader, is_url, refusal

MAX_PORT = 65535
LOOPBACK = ("127.0.0.0/8", "::1/128")
# "Every interface" is an address to listen on, not one to visit.
VISITABLE_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never bound


def read_process_port(reader: Reader, port: int, processes: int) -> int | None:
    """Return the first of the ports that `processes` have to themselves, None without any."""
    first = reader.number("PROCESS_PORT", 0, low=0, high=MAX_PORT - processes + 1)
    if first == 0:
        return None
    if first <= port < first + processes:
        raise refusal("PROCESS_PORT", f"{first} to {first + processes - 1} hold SNB_PORT {port}")
    return first


def read_public_url(reader: Reader, host: str, port: int, *, scheme: str) -> str:
    """Return the URL that is given, else that of where it listens."""
    given = reader.url("PUBLIC_URL", ("https", "http"))
    if given is not None:
        return given.rstrip("/")
    shown = VISITABLE_HOSTS.get(host, host)
    return f"{scheme}://[{shown}]:{port}" if ":" in shown else f"{scheme}://{shown}:{port}"


def read_origins(reader: Reader) -> tuple[str, ...]:
    """Return the origins of `SNB_ALLOWED_ORIGINS`, as browsers say them."""
    return tuple(_origin(value) for value in reader.listed("ALLOWED_ORIGINS"))


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if not is_url(value, ("https", "http")) or parts.path.strip("/") or parts.query:
        raise refusal("ALLOWED_ORIGINS", "must be origins such as https://app.example")
    return f"{parts.scheme}://{parts.netloc}".lower()


def read_networks(
    reader: Reader, name: str, default: Sequence[str] = ()
) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that the variable `name` lists, an address being one as well."""
    return tuple(_network(name, value) for value in reader.listed(name) or default)


def _network(name: str, value: str) -> IPv4Network | IPv6Network:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        problem = "must be addresses or networks such as 10.0.0.0/8"
        raise refusal(name, problem) from None
