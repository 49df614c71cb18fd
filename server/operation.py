"""What one method of a route takes and gives, as data beside the roles of its handler.

The base handler reads bodies and queries by it, the OpenAPI document is made of it, and every
answer in the tests is held to it; so none of the three can say another thing than the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from marshmallow import Schema

JSON = "application/json"

Shape = type[Schema] | str
"""The schema of an answer in JSON, or the content type of one that is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a route; what it does is said by the docstring of the handler's method."""

    answers: Mapping[int, Shape | None]
    """Status -> what is answered when it is done, None for no body."""

    refusals: Collection[int] = ()
    """Statuses of errors that do not follow from the rest: 409, 422, a 404 of another's thing."""

    query: Schema | None = None
    headers: Schema | None = None
    """What of the request's headers means something here; for the document."""

    body: Schema | tuple[Schema, ...] | None = None
    """What a body says; several: one of them. None refuses every field."""

    body_type: str = JSON
    is_body_optional: bool = False
