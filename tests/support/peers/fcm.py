"""Firebase Cloud Messaging, HTTP v1, and the token endpoint of its service accounts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config.tls import TlsFiles
from tests.support.peers.http_peer import Reply, Replying, serving

PROJECT = "savenbite-test"


@dataclass(slots=True)
class FcmPeer:
    """What arrived, and what is answered to a device token."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[str], Reply] = lambda _: Reply()
    url: str = ""
    tokens_issued: int = 0
    token_after_s: float = 0.0
    """How long it thinks about an access token."""

    def account(self, directory: Path) -> Path:
        """Write a service account file whose tokens come from this peer."""
        path = directory / "service-account.json"
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": PROJECT,
                    "private_key_id": "1",
                    "private_key": _private_key(),
                    "client_email": "push@savenbite-test.example",
                    "client_id": "1",
                    "token_uri": f"{self.url}/token",
                }
            )
        )
        return path


def refusal(status: int, code: str, fcm_code: str | None = None, **headers: str) -> Reply:
    """Return an error as FCM writes it (google.rpc.Status)."""
    details = []
    if fcm_code is not None:
        type_ = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": type_, "errorCode": fcm_code})
    error = {"code": status, "message": "refused", "status": code, "details": details}
    return Reply(status, {"error": error}, {k.replace("_", "-"): v for k, v in headers.items()})


class _Token(Replying):
    def initialize(self, peer: FcmPeer) -> None:
        self._peer = peer

    async def post(self) -> None:
        self._peer.tokens_issued += 1
        await self.reply(
            Reply(
                body={
                    "access_token": f"t{self._peer.tokens_issued}",
                    "expires_in": 3600,
                    "token_type": "Bearer",
                },
                after_s=self._peer.token_after_s,
            )
        )


class _Send(Replying):
    def initialize(self, peer: FcmPeer) -> None:
        self._peer = peer

    async def post(self) -> None:
        assert self.request.headers["Authorization"].startswith("Bearer t")
        message = json.loads(self.request.body)["message"]
        self._peer.messages.append(message)
        reply = self._peer.answer(message["token"])
        if reply.body is None and reply.status == 200:
            number = len(self._peer.messages)
            reply.body = {"name": f"projects/{PROJECT}/messages/{number}"}
        await self.reply(reply)


@contextlib.asynccontextmanager
async def fcm_peer(tls: TlsFiles | None = None) -> AsyncIterator[FcmPeer]:
    """Serve on loopback."""
    peer = FcmPeer()
    given: dict[str, object] = {"peer": peer}
    async with serving(
        (r"/token", _Token, given),
        (rf"/v1/projects/{PROJECT}/messages:send", _Send, given),
        tls=tls,
    ) as url:
        peer.url = url
        yield peer


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
