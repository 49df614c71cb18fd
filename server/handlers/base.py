"""What every HTTP handler does the same: identity, roles, bodies, answers, errors."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import wraps
from typing import Any, ClassVar

import orjson
import structlog
import tornado.web
from marshmallow import Schema, ValidationError

from actors.frames import to_json
from rules.rate_limits import RateScope
from server.auth import InvalidToken, KeysUnavailable, Principal, UserType, bearer_token
from server.errors import (
    MethodNotAllowed,
    PayloadTooLarge,
    PermissionDenied,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)
from server.handlers.answering import AnsweringHandler
from server.operation import JSON, Operation
from server.schemas.messages import flattened
from server.service import Service

PUBLIC: frozenset[UserType] = frozenset()
"""Written for a method that needs no token."""

BODY_LIMIT_BYTES = 1 << 20

UUID_PATTERN = r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
"""A path segment that is a UUID; any other is an unknown path."""


_NOTHING = Schema.from_dict({}, name="Nothing")()


@tornado.web.stream_request_body
class ApiHandler(AnsweringHandler):
    """Base of all handlers. Denied unless allowed: a method without roles is not there."""

    roles: ClassVar[Mapping[str, frozenset[UserType]]] = {}
    """Method -> who may; `PUBLIC` for everybody, with or without a token."""

    operations: ClassVar[Mapping[str, Operation]] = {}
    """Method -> what it takes and gives; whatever is part of the API has it."""

    is_part_of_api: ClassVar[bool] = True
    """Whether the OpenAPI document tells of it."""

    is_rate_limited: ClassVar[bool] = True
    """Whether requests count to their caller's limits, and answers say where that stands."""

    rate_scopes: ClassVar[Mapping[str, RateScope]] = {}
    """Method -> what else its requests count to, beside what all requests do."""

    body_limit_bytes: ClassVar[int] = BODY_LIMIT_BYTES

    leaves_body_unread = True
    """Until `prepare` has let the request in."""

    service: Service
    principal: Principal

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make methods that take no body refuse one that says something."""
        super().__init_subclass__(**kwargs)
        for method, operation in cls.__dict__.get("operations", {}).items():
            if operation.body is None and method != "GET":
                setattr(cls, method.lower(), _without_body(getattr(cls, method.lower())))

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        self.service = service
        self._chunks: list[bytes] = []
        self._received_bytes = 0
        self._is_under_way = False

    def allowed_methods(self) -> Collection[str]:
        """Return the methods with roles."""
        return self.roles

    async def prepare(self) -> None:
        """Refuse what can be refused before the body is read."""
        self._begin()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        caller = await self._identify()
        if self.is_rate_limited and not self._is_preflight():
            await self._count(caller if isinstance(caller, Principal) else None)
        self._admit(caller)
        announced = self.request.headers.get("Content-Length", "0")
        if announced.isdigit() and int(announced) > self.body_limit_bytes:
            raise PayloadTooLarge(self.body_limit_bytes)
        self.leaves_body_unread = False

    async def _identify(self) -> Principal | Exception:
        """Return who asks, or what to raise where one has to say so."""
        try:
            token = bearer_token(self.request.headers.get("Authorization"))
            if token is None:
                return Unauthenticated("Authentication required")
            return await self.service.tokens.verify(token)
        except (InvalidToken, KeysUnavailable) as error:
            return error

    def _is_preflight(self) -> bool:
        """Tell whether a browser asks, by itself and without a token, what a page may ask."""
        headers = self.request.headers
        return self.request.method == "OPTIONS" and "Access-Control-Request-Method" in headers

    async def _count(self, principal: Principal | None) -> None:
        """Count the request to its caller's limits. Raises RateLimited."""
        address = self.service.addresses.of(self.request)
        scope = self.rate_scopes.get(self.request.method or "", RateScope.GENERAL)
        self.take_standing(await self.service.rate_limits.count(principal, address, scope))

    def _admit(self, caller: Principal | Exception) -> None:
        """Let in who may use the method."""
        allowed = self.roles.get(self.request.method or "")
        if allowed is None:
            raise MethodNotAllowed(self.roles)
        if allowed is PUBLIC:
            return
        if isinstance(caller, Exception):
            raise caller
        if caller.user_type not in allowed:
            raise PermissionDenied
        self.principal = caller

    def _begin(self) -> None:
        self._is_under_way = True
        self.service.in_flight.begin()

    def _end(self) -> None:
        if self._is_under_way:
            self._is_under_way = False
            self.service.in_flight.end()

    def on_finish(self) -> None:
        """Note that the request has ended."""
        self._end()

    def on_connection_close(self) -> None:
        """Note that nobody waits for the answer any more."""
        super().on_connection_close()
        self._end()

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body; one that came in chunks ends where it is over the limit."""
        self._received_bytes += len(chunk)
        if self._received_bytes <= self.body_limit_bytes:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()
            self.answer_error(PayloadTooLarge(self.body_limit_bytes).answer)

    @property
    def operation(self) -> Operation:
        """What the method of this request takes and gives."""
        return self.operations[self.request.method or ""]

    def json_body(self) -> Any:
        """Return the body as its schema loads it. Raises ValidationFailed, UnsupportedMediaType."""
        schema = self.operation.body
        assert isinstance(schema, Schema)
        if self.operation.is_body_optional and not self._received_bytes:
            return loaded(schema, {})
        return loaded(schema, self.raw_json())

    def raw_json(self) -> Any:
        """Return the body as JSON says it."""
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.partition(";")[0].strip().lower() != JSON:
            raise UnsupportedMediaType
        try:
            return orjson.loads(self.raw_body())
        except orjson.JSONDecodeError as error:
            raise ValidationFailed({"body": [f"Not valid JSON: {error}"]}) from None

    def raw_body(self) -> bytes:
        """Return the body as it came."""
        return b"".join(self._chunks)

    def refuse_body(self) -> None:
        """Let nothing pass but no body and an empty object: nobody would read what it says."""
        if self._received_bytes:
            loaded(_NOTHING, self.raw_json())

    def query(self) -> Any:
        """Return the query string as its schema loads it; of a repeated name the last counts."""
        schema = self.operation.query
        assert schema is not None
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


def _without_body(method: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    @wraps(method)
    async def refusing(handler: ApiHandler, *args: str, **kwargs: str) -> None:
        handler.refuse_body()
        result = method(handler, *args, **kwargs)
        if inspect.isawaitable(result):
            await result

    return refusing


def loaded(schema: Schema, value: Any) -> Any:
    """Return `value` as `schema` loads it. Raises ValidationFailed naming each bad field."""
    try:
        return schema.load(value)
    except ValidationError as error:
        raise ValidationFailed(flattened(error.messages)) from None


class UnknownPath(ApiHandler):
    """Whatever no route matches."""

    def _admit(self, caller: Principal | Exception) -> None:
        """Refuse, whatever the method."""
        raise tornado.web.HTTPError(404)
