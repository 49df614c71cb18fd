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
from server.schemas.messages import problems_of
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
        """Let methods be carried out only once their body is seen to be one that they take."""
        super().__init_subclass__(**kwargs)
        for name in map(str.lower, cls.roles):
            if name in cls.__dict__:
                setattr(cls, name, _once_body_is_read(getattr(cls, name)))

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        self.service = service
        self._chunks: list[bytes] = []
        self._received_bytes = 0
        self._is_under_way = False

    def allowed_methods(self) -> Collection[str]:
        """Return the methods with roles, and those that come with them."""
        if not self.roles:
            return ()
        return {*self.roles, "OPTIONS", *(["HEAD"] if "GET" in self.roles else [])}

    @property
    def asked_method(self) -> str:
        """The method whose roles and operation count: `HEAD` asks as `GET` does."""
        method = self.request.method or ""
        return "GET" if method == "HEAD" else method

    async def prepare(self) -> None:
        """Refuse what can be refused before the body is read."""
        self._begin()
        # In place of that of the connection's last request: nothing else is bound here.
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
        limits = self.service.rate_limits
        if principal is None:
            standing = await limits.count_anybody(self.service.addresses.of(self.request))
        else:
            scope = self.rate_scopes.get(self.asked_method, RateScope.GENERAL)
            standing = await limits.count(principal, scope)
        self.take_standing(standing)

    def _admit(self, caller: Principal | Exception) -> None:
        """Let in who may use the method."""
        if self.request.method not in self.allowed_methods():
            raise MethodNotAllowed(self.allowed_methods())
        allowed = self.roles.get(self.asked_method, PUBLIC)
        if allowed is PUBLIC:
            return
        if isinstance(caller, Exception):
            raise caller
        if caller.user_type not in allowed:
            raise PermissionDenied
        self.principal = caller
        self.service.activity.note(caller)

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

    async def head(self, *args: str, **kwargs: str) -> None:
        """Answer as `GET` does; Tornado leaves the body out."""
        answered = self.get(*args, **kwargs)
        if inspect.isawaitable(answered):
            await answered

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body; where one that comes in chunks gets too large, refuse it."""
        if self.is_lingering:
            self.drop(chunk)
            return
        self._received_bytes += len(chunk)
        if self._received_bytes <= self.body_limit_bytes:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()
            self.leaves_body_unread = True
            self.answer_error(PayloadTooLarge(self.body_limit_bytes).answer)

    @property
    def operation(self) -> Operation:
        """What the method of this request takes and gives."""
        return self.operations[self.asked_method]

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

    def refuse_unread_body(self) -> None:
        """Where no body is taken, let none pass that says something: nobody would read it."""
        takes_body = self.asked_method == "GET" or self.operation.body is not None
        if self._received_bytes and not takes_body:
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


def _once_body_is_read(method: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    @wraps(method)
    async def checked(handler: ApiHandler, *args: str, **kwargs: str) -> None:
        if handler.is_lingering:
            return
        handler.refuse_unread_body()
        result = method(handler, *args, **kwargs)
        if inspect.isawaitable(result):
            await result

    return checked


def loaded(schema: Schema, value: Any) -> Any:
    """Return `value` as `schema` loads it. Raises ValidationFailed naming each bad field."""
    try:
        return schema.load(value)
    except ValidationError as error:
        raise ValidationFailed(problems_of(error)) from None


class UnknownPath(ApiHandler):
    """Whatever no route matches."""

    def _admit(self, caller: Principal | Exception) -> None:
        """Refuse, whatever the method."""
        raise tornado.web.HTTPError(404)
