"""Where the service of these settings is found on this machine, and whether it is ready."""

from __future__ import annotations

import http.client

from config.settings import VISITABLE_HOSTS, Settings

PROBE_TIMEOUT_S = 1.0


def local_url(settings: Settings) -> str:
    """Return the base URL by which a program on this machine reaches the service."""
    host = VISITABLE_HOSTS.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def is_ready(settings: Settings) -> bool:
    """Ask the service whether it is ready; one that does not answer is not."""
    host = VISITABLE_HOSTS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
