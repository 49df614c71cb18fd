"""Say from which address a request comes, by way of proxies that are trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

SITE_BITS = 64
"""What one subscriber of IPv6 has to themselves at least (RFC 6177 §2): to limits it is one."""

KNOWN_ADDRESSES = 4_096
"""Of proxies there are few, and who connects comes back: 15 us to read one again."""

LONGEST_ADDRESS = 64
"""With brackets and a port. What is longer is none, and is not remembered."""

Address = IPv4Address | IPv6Address


class ClientAddresses:
    """Believes `X-Forwarded-For` from the networks of `trusted_proxies` and from nobody else."""

    def __init__(self, trusted_proxies: Collection[str]) -> None:
        self._trusted = [ip_network(network) for network in trusted_proxies]

    def of(self, request: HTTPServerRequest) -> str:
        """Return the address of the first that is no proxy of ours, seen from here.

        What proxies wrote before that is what a client says of itself. Of an IPv6 address it is
        the network of its site.
        """
        address = _parsed(str(request.remote_ip))
        if address is None:
            return str(request.remote_ip)
        return _site(self._first_stranger(address, reversed(_hops(request))))

    def exact(self, request: HTTPServerRequest) -> Address | None:
        """Return the address whole, None where nobody that is trusted says it.

        So it is of a Unix socket, and of what a proxy hands on that is not one of ours.
        """
        address = _parsed(str(request.remote_ip))
        if address is None:
            return None
        is_forwarded = any(
            name.startswith(("X-Forwarded", "Forwarded")) for name in request.headers
        )
        if is_forwarded and not self._is_trusted(address):
            return None
        return self._first_stranger(address, reversed(_hops(request)))

    def _first_stranger(self, address: Address, hops: Iterable[str]) -> Address:
        for hop in hops:
            if not self._is_trusted(address):
                break
            before = _parsed(hop) if len(hop) <= LONGEST_ADDRESS else None
            if before is None:
                break
            address = before
        return address

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _hops(request: HTTPServerRequest) -> list[str]:
    """Return who handed the request on, the last one last."""
    forwarded = request.headers.get_list("X-Forwarded-For")
    return [hop for value in forwarded for hop in value.split(",")]


@lru_cache(KNOWN_ADDRESSES)
def _parsed(value: str) -> Address | None:
    """Return the address in `value`, which some proxies write with a port."""
    host = value.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _site(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), SITE_BITS), strict=False))
