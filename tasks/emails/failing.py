"""Find the line at which a template fails: compiled ones have other lines than written ones."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from jinja2 import FunctionLoader, Template, TemplateError

if TYPE_CHECKING:
    from tasks.emails.compiling import TemplateCompiler
    from tasks.emails.sources import Source

_WRITTEN = "<as it was written>"


def failing_line(
    compiler: TemplateCompiler, source: Source, field: str, view: dict[str, Any]
) -> int | None:
    """Return the line of `field` at which rendering it with `view` fails, if it is one of its own.

    It is rendered once more, without the styles put in, and by Jinja's own way of extending.
    """
    load = compiler.shipped.loader(source.locale)
    environment = (compiler.markup if field == "html" else compiler.plain).overlay(
        loader=FunctionLoader(load), cache_size=8
    )
    code = environment.compile(getattr(source, field), filename=_WRITTEN)
    template = Template.from_code(environment, code, environment.make_globals(None))
    try:
        for _ in template.generate(view):
            pass
    # Whatever it was that failed the first time.
    except Exception as error:  # noqa: BLE001
        at = error.lineno if isinstance(error, TemplateError) and hasattr(error, "lineno") else None
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == _WRITTEN]
        return at or (lines[-1] if lines else None)
    return None
