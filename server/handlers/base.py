"""What every HTTP handler does the same: identity, roles, bodies, answers, errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import uuid4

import orjson
import structlog
import tornado.web
from marshmallow import Schema, ValidationError

from actors.frames import to_json
from server.auth import Principal, UserType, bearer_token
from server.errors import (
    ErrorAnswer,
    MethodNotAllowed,
    PayloadTooLarge,
    PermissionDenied,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
    answer_to,
    internal_error,
)
from server.schemas.messages import flattened
from server.service import Service

PUBLIC: frozenset[UserType] = frozenset()
"""Written for a method that needs no token."""

BODY_LIMIT_BYTES = 1 << 20

UUID_PATTERN = r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
"""A path segment that is a UUID; any other is an unknown path."""

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}\Z")

log = structlog.get_logger(__name__)


@tornado.web.stream_request_body
class ApiHandler(tornado.web.RequestHandler):
    """Base of all handlers. Denied unless allowed: a method without roles is not there."""

    roles: ClassVar[Mapping[str, frozenset[UserType]]] = {}
    """Method -> who may; `PUBLIC` for everybody, with or without a token."""

    body_limit_bytes: ClassVar[int] = BODY_LIMIT_BYTES

    service: Service
    principal: Principal
    request_id: str

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        self.service = service
        self._chunks: list[bytes] = []
        self._received_bytes = 0

    def set_default_headers(self) -> None:
        """Name the request in every answer, whatever becomes of it."""
        given = self.request.headers.get("X-Request-ID", "")
        self.request_id = given if _SANE_REQUEST_ID.match(given) else str(uuid4())
        self.set_header("X-Request-ID", self.request_id)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    def compute_etag(self) -> str | None:
        """Do without: nothing here is to be cached."""
        return None

    async def prepare(self) -> None:
        """Refuse what can be refused before the body is read."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        method = self.request.method or ""
        if method not in self.roles:
            raise MethodNotAllowed(self.roles)
        allowed = self.roles[method]
        if allowed is not PUBLIC:
            token = bearer_token(self.request.headers.get("Authorization"))
            if token is None:
                raise Unauthenticated("Authentication required")
            self.principal = self.service.tokens.verify(token)
            if self.principal.user_type not in allowed:
                raise PermissionDenied
        announced = self.request.headers.get("Content-Length", "0")
        if announced.isdigit() and int(announced) > self.body_limit_bytes:
            raise PayloadTooLarge(self.body_limit_bytes)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body; what comes over the limit in chunks is read and dropped."""
        self._received_bytes += len(chunk)
        if self._received_bytes > self.body_limit_bytes:
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def json_body(self, schema: Schema) -> Any:
        """Return the body as `schema` loads it. Raises ValidationFailed, UnsupportedMediaType."""
        return loaded(schema, self.raw_json())

    def raw_json(self) -> Any:
        """Return the body as JSON says it."""
        if self._received_bytes > self.body_limit_bytes:
            raise PayloadTooLarge(self.body_limit_bytes)
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType
        try:
            return orjson.loads(b"".join(self._chunks))
        except orjson.JSONDecodeError as error:
            raise ValidationFailed({"body": [f"Not valid JSON: {error}"]}) from None

    def query(self, schema: Schema) -> Any:
        """Return the query string as `schema` loads it; of a repeated name the last counts."""
        try:
            return loaded(schema, self.asked_with())
        except UnicodeDecodeError:
            raise ValidationFailed({"query": ["Not valid UTF-8"]}) from None

    def asked_with(self) -> dict[str, str]:
        """Return the query string's parameters, for links to other pages of the same list."""
        return {name: values[-1].decode() for name, values in self.request.query_arguments.items()}

    def answer(self, payload: Mapping[str, Any], *, status: int = 200) -> None:
        """Answer with `payload` as JSON."""
        self.set_status(status)
        self.finish(to_json(payload))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the envelope of the error (contract section 2.8)."""
        error = (
            kwargs["exc_info"][1] if "exc_info" in kwargs else tornado.web.HTTPError(status_code)
        )
        self._answer_error(answer_to(error) or internal_error(self.request_id))

    def _answer_error(self, answer: ErrorAnswer) -> None:
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        self.finish(to_json({"error": answer.body()}))

    def log_exception(self, *exc_info: Any) -> None:
        """Log a fault of ours whole, and what clients did wrong not at all."""
        error = exc_info[1]
        if answer_to(error) is None:
            log.error("request_failed", path=self.request.path, exc_info=error)


def loaded(schema: Schema, value: Any) -> Any:
    """Return `value` as `schema` loads it. Raises ValidationFailed naming each bad field."""
    try:
        return schema.load(value)
    except ValidationError as error:
        raise ValidationFailed(flattened(error.messages)) from None


class UnknownPath(ApiHandler):
    """Whatever no route matches."""

    async def prepare(self) -> None:
        """Refuse, whatever the method."""
        raise tornado.web.HTTPError(404)
