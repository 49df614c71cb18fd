"""What clients may send over the socket: flat, one schema a type (contract section 4)."""

from __future__ import annotations

from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from actors.frames import Ref
from server.errors import ValidationFailed
from server.schemas.inputs import Input
from server.schemas.messages import problems_of
from server.schemas.notifications import ClickSchema

REF_LIMIT = 128


class _Ref(fields.Field[Any]):
    """What the reply repeats: a string of at most 128 characters, or a number."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Ref:
        if isinstance(value, str) and len(value) <= REF_LIMIT:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ValidationError(f"Must be a string of at most {REF_LIMIT} characters or an integer.")


class ClientMessage(Input):
    """What every message may carry."""

    type = fields.String(required=True)
    ref = _Ref(load_default=None)


class Authenticate(ClientMessage):
    """`authenticate`."""

    token = fields.String(required=True)


class MarkRead(ClientMessage):
    """`mark_read`; how many ids there may be is bounded by the size of a message."""

    notification_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1))


class Click(ClientMessage, ClickSchema):
    """`click`."""

    notification_id = fields.UUID(required=True)


class Sync(ClientMessage):
    """`sync`."""

    since = fields.UUID(required=True, allow_none=True)
    limit = fields.Integer(strict=True, load_default=100, validate=validate.Range(1, 500))


SCHEMAS: dict[str, ClientMessage] = {
    "authenticate": Authenticate(),
    "ping": ClientMessage(),
    "mark_read": MarkRead(),
    "mark_all_read": ClientMessage(),
    "click": Click(),
    "sync": Sync(),
}


def load_message(text: str | bytes) -> dict[str, Any]:
    """Return a client's message as its schema loads it.

    Raises ValidationFailed; `ref_of` then tells what the reply may repeat.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValidationFailed({"message": [f"Not valid JSON: {error}"]}) from None
    if not isinstance(body, dict):
        raise ValidationFailed({"message": ["Must be an object."]})
    kind = body.get("type")
    schema = SCHEMAS.get(kind) if isinstance(kind, str) else None
    if schema is None:
        raise ValidationFailed({"type": [f"Must be one of: {', '.join(SCHEMAS)}."]})
    try:
        message: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise ValidationFailed(problems_of(error)) from None
    return message


def ref_of(text: str | bytes) -> Ref:
    """Return the `ref` of a message that is bad in some other way, None when it has none."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    ref = body.get("ref") if isinstance(body, dict) else None
    is_fit = isinstance(ref, str) and len(ref) <= REF_LIMIT
    return ref if is_fit or type(ref) is int else None
