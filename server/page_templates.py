"""Render the pages that people reach without the app, in their language."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rules.locales import LOCALES, shipped_locale

DIRECTORY = Path(__file__).parent.parent / "templates" / "pages"


class PageTemplates:
    """The templates of `templates/pages/` with their texts, read once."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(directory),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = (directory / "page.css").read_text("utf-8")
        self._texts: dict[str, dict[str, Any]] = {
            locale: orjson.loads((directory / f"{locale}.json").read_bytes()) for locale in LOCALES
        }
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self.content_security_policy = "; ".join(
            (
                "default-src 'none'",
                f"style-src 'sha256-{digest}'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )
        """A page brings its style along, and needs nothing else of anybody."""

    def render(self, name: str, locale: str, **context: Any) -> str:
        """Return the page `name` in the shipped language nearest to `locale`."""
        language = shipped_locale(locale)
        return self._environment.get_template(f"{name}.html").render(
            language=language, style=self._style, texts=self._texts[language], **context
        )
