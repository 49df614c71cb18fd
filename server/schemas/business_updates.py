"""What businesses write to their followers (contract section 2.1)."""

from __future__ import annotations

from server.schemas.answer import Answer, Count
from server.schemas.content import ContentSchema


class BusinessUpdateSchema(ContentSchema):
    """What to tell all followers."""


class Posted(Answer):
    """How many follow the business now."""

    followers = Count()


BUSINESS_UPDATE = BusinessUpdateSchema()
