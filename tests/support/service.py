"""Run one server process of the service inside the test's own loop."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tornado.testing import bind_unused_port

from config.settings import Settings, read_settings
from server.app import build_application
from server.assembly import assemble
from server.http_server import http_server
from server.service import Service
from server.socket_limits import SocketLimits
from tests.support.api import SECRET

KEY = base64.b64encode(b"k" * 32).decode()


def settings_for(mongodb_uri: str, redis_url: str, database: str, port: int = 0) -> Settings:
    """Return the settings of a process on the test's stores."""
    return read_settings(environment(mongodb_uri, redis_url, database, port))


def environment(mongodb_uri: str, redis_url: str, database: str, port: int) -> dict[str, str]:
    """Return the environment of a process on the test's stores."""
    return {
        "SNB_MONGODB_URI": mongodb_uri,
        "SNB_REDIS_URL": redis_url,
        "SNB_MONGODB_DATABASE": database,
        "SNB_PORT": str(port),
        "SNB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SNB_JWT_SECRET": SECRET,
        "SNB_ENCRYPTION_KEYS": KEY,
        "SNB_INSTANCE": "test:server",
        # Tests ask more often than people do; those of the limits switch them on.
        "SNB_RATE_LIMITS": "off",
    }


@asynccontextmanager
async def running(
    mongodb_uri: str,
    redis_url: str,
    database: str,
    socket_limits: SocketLimits | None = None,
    /,
    **variables: str,
) -> AsyncIterator[Service]:
    """Assemble a process, listen on a free port and stop in the end.

    `variables` are settings of the environment that differ from those of other tests.
    """
    socket, port = bind_unused_port()
    async with AsyncExitStack() as stack:
        settings = read_settings(environment(mongodb_uri, redis_url, database, port) | variables)
        service = await assemble(
            settings, stack, on_superseded=lambda: None, socket_limits=socket_limits
        )
        server = http_server(build_application(service), settings.tls)
        server.add_socket(socket)
        stack.push_async_callback(server.close_all_connections)
        stack.callback(server.stop)
        yield service
