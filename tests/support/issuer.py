"""A token issuer on loopback: signs tokens, and publishes its keys as long as the test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jwt
import tornado.httpserver
import tornado.netutil
import tornado.web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tornado.testing import bind_unused_port

from tests.support.world import eventually

PATH = "/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the name that tokens give it."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key_id: str | None = None

    @property
    def algorithm(self) -> str:
        """The algorithm of the key's type."""
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    def token(self, user_id: UUID | None = None, **claims: Any) -> str:
        """Return a token of a customer; a claim that is None is left out."""
        payload = {
            "sub": str(user_id or uuid4()),
            "user_type": "customer",
            "exp": int(time.time()) + 3_600,
            **claims,
        }
        present = {name: value for name, value in payload.items() if value is not None}
        headers = {} if self.key_id is None else {"kid": self.key_id}
        return jwt.encode(present, self.private, algorithm=self.algorithm, headers=headers)

    def pem(self) -> bytes:
        """Return the public key as a file holds it."""
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """Return the public key as a JWKS holds it."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            members = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            members = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        named = {} if self.key_id is None else {"kid": self.key_id}
        return {**members, **named, **changes}


@cache
def rsa_key(name: str, bits: int = 2_048) -> rsa.RSAPrivateKey:
    """Return the RSA key called `name`; making one takes a tenth of a second."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def rsa_signing(key_id: str | None = "rsa-1") -> SigningKey:
    """Return an RS256 key; the same name is the same key."""
    return SigningKey(rsa_key(str(key_id)), key_id)


def ec_signing(key_id: str | None = "ec-1") -> SigningKey:
    """Return a fresh ES256 key."""
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), key_id)


class Issuer:
    """Publishes `keys`, or answers what the test puts in their place."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.status = 200
        self.body: bytes | None = None
        """Answered instead of the keys."""
        self.headers: dict[str, str] = {}
        self.requests = 0
        self.may_answer = asyncio.Event()
        """Unset while the issuer is slow."""
        self.may_answer.set()
        self._socket, self._port = bind_unused_port()
        self._server: tornado.httpserver.HTTPServer | None = None

    @property
    def url(self) -> str:
        """Where the keys are published."""
        return f"http://127.0.0.1:{self._port}{PATH}"

    def start(self) -> None:
        """Answer, again on the same port after a stop."""
        if self._server is not None or self._socket.fileno() < 0:
            (self._socket,) = tornado.netutil.bind_sockets(self._port, "127.0.0.1")
        application = tornado.web.Application(
            [(PATH, _JwksHandler, {"issuer": self})], log_function=lambda _: None
        )
        self._server = tornado.httpserver.HTTPServer(application)
        self._server.add_socket(self._socket)

    async def stop(self) -> None:
        """Refuse connections from now on."""
        self.may_answer.set()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
        self._socket.close()


class _JwksHandler(tornado.web.RequestHandler):
    def initialize(self, issuer: Issuer) -> None:
        self.issuer = issuer

    async def get(self) -> None:
        issuer = self.issuer
        issuer.requests += 1
        await issuer.may_answer.wait()
        self.set_status(issuer.status)
        self.set_header("Content-Type", "application/jwk-set+json")
        for name, value in issuer.headers.items():
            self.set_header(name, value)
        keys = {"keys": [key.jwk() for key in issuer.keys]}
        body = issuer.body if issuer.body is not None else json.dumps(keys).encode()
        with contextlib.suppress(tornado.iostream.StreamClosedError):
            await self.finish(body)


async def until(check: Callable[[], bool]) -> None:
    """Look again until `check` holds, with the deadline of `eventually`."""

    async def looked() -> bool:
        return check()

    await eventually(looked)


@contextlib.asynccontextmanager
async def publishing(*keys: SigningKey) -> AsyncIterator[Issuer]:
    """Run an issuer that publishes `keys`."""
    issuer = Issuer(*keys)
    issuer.start()
    yield issuer
    await issuer.stop()
