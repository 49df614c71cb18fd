"""Run one server process: listen, assemble, serve until told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
import tornado.httpserver
import tornado.netutil

from config.event_loop import new_event_loop
from config.settings import Settings
from server.app import build_application
from server.assembly import assemble
from server.garbage import put_survivors_aside
from server.http_server import http_server
from server.open_files import file_limit, raise_file_limit, shortage
from server.service import Service
from storage.client import StoreUnavailable

BACKLOG = 4_096
"""Connections that wait in the kernel to be accepted, where net.core.somaxconn allows as many."""

RETRY_STORE_AFTER_S = 1.0
FINISH_WITHIN_S = 4.0
"""For requests under way, and for clients to answer 1012, before they are cut."""


EXIT_OK = 0
EXIT_SUPERSEDED = 1
EXIT_UNUSABLE = 2

log = structlog.get_logger(__name__)


def run_server(settings: Settings, *, is_port_shared: bool = False) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code.

    2 when a port is not to be had: `SNB_PORT` may be shared with other processes of the service, if
    they share it too. The settings name the stores.
    """
    try:
        sockets = _bind(settings, is_port_shared=is_port_shared)
    except _CannotListen as error:
        print(error, file=sys.stderr)  # noqa: T201 (for the person at the terminal)
        return EXIT_UNUSABLE
    raise_file_limit()
    problem = shortage(settings.sockets, file_limit())
    if problem is not None:
        log.warning("too_few_open_files", problem=problem)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(serve(settings, sockets))


class _CannotListen(Exception):
    """A port is not to be had."""


def _bind(settings: Settings, *, is_port_shared: bool) -> list[socket.socket]:
    """Bind the port that all processes share and, where there is one, the process's own."""
    wanted = [("SNB_PORT", settings.port, is_port_shared)]
    if settings.process_port is not None:
        wanted.append(("SNB_PROCESS_PORT", settings.process_port, False))
    bound: list[socket.socket] = []
    for variable, port, is_shared in wanted:
        try:
            bound += tornado.netutil.bind_sockets(
                port, settings.host, backlog=BACKLOG, reuse_port=is_shared
            )
        except OSError as error:
            where = f"{settings.host}:{port}"
            raise _CannotListen(f"{variable}: cannot listen on {where}: {error.strerror}") from None
    return bound


async def serve(settings: Settings, sockets: list[socket.socket]) -> int:
    """Serve on `sockets` until a signal comes; return the exit code."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, EXIT_OK)
    async with AsyncExitStack() as stack:
        serving = asyncio.create_task(_start(settings, sockets, stack, stop))
        either: set[asyncio.Future[Any]] = {serving, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        else:
            serving.cancel()
        code = await stopped
        log.info("stopping")
    log.info("stopped")
    return code


async def _start(
    settings: Settings,
    sockets: list[socket.socket],
    stack: AsyncExitStack,
    stop: Callable[[int], None],
) -> None:
    """Assemble the process, as soon as MongoDB is there, and listen."""
    service = await _assembled(settings, stack, stop)
    server = http_server(build_application(service), settings.tls)
    server.add_sockets(sockets)
    stack.push_async_callback(_close, server, service)
    put_survivors_aside(stack)
    log.info("serving", url=settings.public_url, instance=settings.instance)


async def _assembled(
    settings: Settings, stack: AsyncExitStack, stop: Callable[[int], None]
) -> Service:
    while True:
        async with AsyncExitStack() as attempt:
            try:
                service = await assemble(
                    settings, attempt, on_superseded=partial(stop, EXIT_SUPERSEDED)
                )
            except StoreUnavailable as error:
                log.warning("waiting_for_database", reason=error.reason)
            else:
                stack.push_async_exit(attempt.pop_all())
                return service
        await asyncio.sleep(RETRY_STORE_AFTER_S)


async def _close(server: tornado.httpserver.HTTPServer, service: Service) -> None:
    """Take no more connections, let requests and sockets end, and close what is left."""
    server.stop()
    has_ended, _ = await asyncio.gather(
        service.in_flight.ended(within_s=FINISH_WITHIN_S),
        service.hub.drain(within_s=FINISH_WITHIN_S),
    )
    if not has_ended:
        log.warning("requests_cut")
    await server.close_all_connections()
