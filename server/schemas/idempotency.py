"""The header by which the retry of a request is known (contract section 2.1)."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validate
from tornado.httputil import HTTPHeaders

from server.errors import ValidationFailed
from server.schemas.inputs import Input
from server.schemas.messages import problems_of

HEADER = "Idempotency-Key"


class IdempotencySchema(Input):
    """The key of a request."""

    key = fields.String(
        data_key=HEADER,
        load_default=None,
        validate=[
            validate.Length(1, 255),
            validate.Regexp(r"[ -~]*\Z", error="Must be printable ASCII."),
        ],
        metadata={"description": "the same in each try of one request; kept 24 hours"},
    )


IDEMPOTENCY = IdempotencySchema()


def key_of(headers: HTTPHeaders) -> str | None:
    """Return the key of a request, None when it has none. Raises ValidationFailed."""
    given = headers.get_list(HEADER)
    if not given:
        return None
    if len(given) > 1:
        raise ValidationFailed({HEADER: ["Given more than once."]})
    try:
        key: str | None = IDEMPOTENCY.load({HEADER: given[0]})["key"]
    except ValidationError as error:
        raise ValidationFailed(problems_of(error)) from None
    return key
