"""Which pages may open a socket here (RFC 6455 §10.2); who is no browser names no origin."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders

DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """Allows the origins that are named and, by way of trusted proxies, the service's own.

    What has the origin of the `Host` header itself, or says that it has by `Sec-Fetch-Site`, which
    no page can forge, Tornado has let in before it asks.
    """

    def __init__(self, allowed: Collection[str], trusted_proxies: Collection[str]) -> None:
        self._allowed = frozenset(map(normal_origin, allowed))
        self._proxies = [ip_network(network) for network in trusted_proxies]

    def allow(self, origin: str, headers: HTTPHeaders, *, remote_ip: str) -> bool:
        """Tell whether a page of `origin` may connect, with `headers`, from `remote_ip`."""
        normal = normal_origin(origin)
        if normal is None:
            return False
        return normal in self._allowed or self._is_own(normal, headers, remote_ip)

    def _is_own(self, origin: str, headers: HTTPHeaders, remote_ip: str) -> bool:
        """Tell whether `origin` is what the client of a trusted proxy has asked for."""
        host = _first(headers.get("X-Forwarded-Host"))
        if host is None or not self._is_proxy(remote_ip):
            return False
        scheme = _first(headers.get("X-Forwarded-Proto")) or urlsplit(origin).scheme
        return origin == normal_origin(f"{scheme}://{host}")

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:  # A Unix socket has none.
            return False
        return any(parsed in network for network in self._proxies)


def _first(header: str | None) -> str | None:
    """Return the value that the first of several proxies has written."""
    value = (header or "").partition(",")[0].strip()
    return value or None


def normal_origin(origin: str) -> str | None:
    """Return `origin` as any other way to write it, None when it is none (`null`, for one)."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port or DEFAULT_PORTS[parts.scheme]}"
