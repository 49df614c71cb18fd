"""The API described for people: `GET /api/docs/` (contract section 2.7).

Swagger UI, as it comes from its makers; it is here so that the page needs no internet.
"""

from __future__ import annotations

from server.handlers.assets import AssetHandler, policy
from server.operation import Operation


class DocsFilesHandler(AssetHandler):
    """`GET /api/docs/{file}`."""

    files = {
        "docs.css": "docs/docs.css",
        "docs.js": "docs/docs.js",
        "icon.svg": "icon.svg",
        "swagger-ui.css": "docs/swagger-ui.css",
        "swagger-ui-bundle.js": "docs/swagger-ui-bundle.js",
    }
    # The icons of Swagger UI are in its style sheet.
    content_security_policy = policy(img_src="'self' data:")
    cached_for_s = 3_600


class DocsHandler(AssetHandler):
    """`GET /api/docs/`."""

    operations = {"GET": Operation(answers={200: "text/html"})}
    is_part_of_api = True
    files = {"": "docs/index.html"}
    content_security_policy = DocsFilesHandler.content_security_policy

    async def get(self, name: str = "") -> None:
        """Show the API on a page."""
        await super().get(name)


ROUTES = [(r"/api/docs/?", DocsHandler), (r"/api/docs/([a-z.-]+)", DocsFilesHandler)]
