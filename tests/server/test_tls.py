"""The service speaks HTTPS and WSS itself where it has a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from config.tls import TlsFiles
from server.demo import DEMO_BUSINESSES, SeedingFailed, seed
from server.probe import is_ready, local_url
from server.service import Service
from server.tokens import mint
from tests.support.api import token
from tests.support.certificates import certificate
from tests.support.service import running

WITHIN_S = 30.0


@pytest.fixture(scope="module")
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Run one server process with a certificate of `localhost`."""
    files = certificate(tmp_path_factory.mktemp("tls"), "localhost")
    variables = {"SNB_TLS_CERT": str(files.cert), "SNB_TLS_KEY": str(files.key)}
    async with running(mongodb_uri, redis_url, database_name, **variables) as started:
        yield started


def asked(service: Service, path: str, **headers: str) -> HTTPRequest:
    """Return a request that trusts the certificate."""
    assert service.settings.tls is not None
    return HTTPRequest(
        f"https://localhost:{service.settings.port}{path}",
        headers=headers,
        ca_certs=str(service.settings.tls.cert),
    )


async def test_requests_are_answered_over_tls(service: Service) -> None:
    client = AsyncHTTPClient(force_instance=True)
    response = await client.fetch(asked(service, "/health/ready/"))
    client.close()
    assert json.loads(response.body)["status"] == "ready"
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_sockets_are_served_over_tls(service: Service) -> None:
    request = asked(service, "/ws/notifications/", Authorization=f"Bearer {token()}")
    request.url = request.url.replace("https", "wss", 1)
    socket = await websocket_connect(request)
    async with asyncio.timeout(WITHIN_S):
        frame = await socket.read_message()
        assert isinstance(frame, str)
        assert json.loads(frame)["type"] == "authentication_success"
        socket.close()
        assert await socket.read_message() is None


async def test_requests_that_are_sent_at_once_are_answered_over_tls(service: Service) -> None:
    assert service.settings.tls is not None
    context = service.settings.tls.client_context()
    head = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n"
    answered = await raw(
        service, 40 * (head + b"\r\n") + head + b"Connection: close\r\n\r\n", context
    )
    first, *others, last = answered.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert len(others) == 39
    assert {document_of(answer) for answer in (first, *others)} == {document_of(last)}


def document_of(answer: bytes) -> bytes:
    head, _, document = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(document)}\r\n".encode() in head + b"\r\n"
    return document


async def raw(service: Service, text: bytes, context: ssl.SSLContext | None) -> bytes:
    """Send `text` and return all that comes."""
    port = service.settings.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    async with asyncio.timeout(WITHIN_S):
        writer.write(text)
        answered = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answered


async def test_what_is_no_http_gets_the_envelope_over_tls_too(service: Service) -> None:
    assert service.settings.tls is not None
    answered = await raw(service, b"NONSENSE\r\n\r\n", service.settings.tls.client_context())
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":{"code":"VALIDATION_ERROR"' in answered


async def test_who_speaks_no_tls_is_cut_off(service: Service) -> None:
    answered = b""
    with contextlib.suppress(ConnectionResetError):
        answered = await raw(service, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", None)
    assert not answered.startswith(b"HTTP")


async def test_an_old_tls_is_refused(service: Service) -> None:
    assert service.settings.tls is not None
    context = service.settings.tls.client_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await raw(service, b"", context)


async def test_programs_of_this_machine_know_the_service_by_its_certificate(
    service: Service, tmp_path: Path
) -> None:
    """They ask for 127.0.0.1, which it does not name."""
    settings = service.settings
    assert local_url(settings) == f"https://127.0.0.1:{settings.port}"
    assert await asyncio.to_thread(is_ready, settings)

    def told(trusting: TlsFiles | None) -> int:
        return seed(
            local_url(settings),
            lambda sub, user_type: mint(settings, sub, user_type),
            tls=trusting,
        ).follows_new

    with pytest.raises(SeedingFailed, match="CERTIFICATE_VERIFY_FAILED"):
        await asyncio.to_thread(told, certificate(tmp_path, "localhost"))
    assert await asyncio.to_thread(told, settings.tls) >= len(DEMO_BUSINESSES)
