"""The API described for programs: `GET /api/openapi.json` (contract section 2.7)."""

from __future__ import annotations

from server.handlers.base import PUBLIC, ApiHandler
from server.operation import Operation
from server.schemas.openapi import OpenApiDocument
from server.service import Service


class OpenApiHandler(ApiHandler):
    """`GET /api/openapi.json`."""

    roles = {"GET": PUBLIC}
    operations = {"GET": Operation(answers={200: OpenApiDocument})}

    def initialize(self, service: Service, document: bytes = b"") -> None:
        """Take the document beside the service: it is the same for everybody."""
        super().initialize(service)
        self._document = document

    async def get(self) -> None:
        """Describe every HTTP path in OpenAPI 3.1."""
        self.finish(self._document)


ROUTES = [(r"/api/openapi\.json", OpenApiHandler)]
