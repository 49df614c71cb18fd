"""The OpenAPI document, as far as it is worth describing in itself."""

from __future__ import annotations

from marshmallow import INCLUDE, fields

from server.schemas.answer import Answer


class OpenApiDocument(Answer):
    """An OpenAPI 3.1 document."""

    class Meta:
        """OpenAPI describes the rest."""

        unknown = INCLUDE

    openapi = fields.String()
    info = fields.Dict(keys=fields.String())
    paths = fields.Dict(keys=fields.String())
