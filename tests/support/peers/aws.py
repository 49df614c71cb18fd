"""Amazon's services as moto speaks them, in a process of their own."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from tornado.testing import bind_unused_port

START_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class AwsPeer:
    """Where it is, and what it was given."""

    url: str

    def reset(self) -> None:
        """Forget everything."""
        urllib.request.urlopen(f"{self.url}/moto-api/reset", data=b"", timeout=30).close()

    def mails(self) -> list[EmailMessage]:
        """Return the raw mails that SES has taken."""
        with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=30) as response:
            stored: dict[str, Any] = json.load(response)
        return [_parsed(raw["raw_data"]) for raw in stored.get("ses", {}).get("RawMessage", [])]


@contextlib.contextmanager
def aws_peer() -> Iterator[AwsPeer]:
    """Run it on loopback."""
    socket, port = bind_unused_port()
    socket.close()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        peer = AwsPeer(f"http://127.0.0.1:{port}")
        _wait_for(peer, process)
        yield peer
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(peer: AwsPeer, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            peer.reset()
        except OSError:
            assert process.poll() is None, "moto_server ended"
            assert time.monotonic() < until_s, "moto_server does not answer"
            time.sleep(0.1)
        else:
            return


def _parsed(raw: str) -> EmailMessage:
    content = raw.encode()
    if b":" not in content.partition(b"\n")[0]:
        content = base64.b64decode(content)
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed
