"""Where the service of these settings is found on this machine, and whether it is ready."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from config.addresses import VISITABLE_HOSTS
from config.settings import Settings
from config.tls import TlsFiles

PROBE_TIMEOUT_S = 1.0


def local_url(settings: Settings) -> str:
    """Return the base URL by which a program on this machine reaches the service."""
    scheme = "http" if settings.tls is None else "https"
    host = VISITABLE_HOSTS.get(settings.host, settings.host)
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{settings.port}"


def connection_to(
    base_url: str, tls: TlsFiles | None, *, timeout_s: float
) -> http.client.HTTPConnection:
    """Return a connection to `base_url`; with `tls` only the service's own certificate will do."""
    parts = urlsplit(base_url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    context = None if tls is None else tls.client_context()
    return http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=context)


def is_ready(settings: Settings) -> bool:
    """Ask the service whether it is ready; one that does not answer is not."""
    connection = connection_to(local_url(settings), settings.tls, timeout_s=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
