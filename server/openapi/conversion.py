"""Say of marshmallow schemas in JSON Schema what apispec leaves out or says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from server.schemas.fields import OneOf, TimeZone


class Converter(OpenAPIConverter):
    """Adds what the classes of ours say of themselves."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attribute_functions.extend(
            (self._ecma_pattern, self._alternatives, self._time_zone, self._as_the_field_says)
        )

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """Describe the schema by the first line of its docstring."""
        shape: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        return shape | {"description": _first_line(type(schema))}

    @staticmethod
    def _ecma_pattern(_field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
        """Write as ECMA-262 has it what Python matches from the start, and to the end by Z."""
        if "pattern" not in ret:
            return {}
        pattern: str = ret["pattern"]
        bare = pattern.removesuffix(r"\Z")
        end = "$" if bare != pattern else ""
        return {"pattern": f"^{bare}{end}"}

    def _alternatives(self, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
        """Say which objects a field takes."""
        if not isinstance(field, OneOf):
            return {}
        resolve: Callable[[Schema], dict[str, Any]] = self.resolve_nested_schema
        return {"oneOf": [resolve(shape) for shape in field.shapes]}

    def _time_zone(self, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
        """Name the time zones once for the whole document: there are 600."""
        if not isinstance(field, TimeZone):
            return {}
        components = self.spec.components
        if "TimeZone" not in components.schemas:
            names = sorted(name for name in ret["enum"] if name is not None)
            components.schema("TimeZone", {"type": "string", "enum": names})
        ret.clear()
        named = components.get_ref("schema", "TimeZone")
        return {"anyOf": [named, {"type": "null"}]} if field.allow_none else named

    @staticmethod
    def _as_the_field_says(field: fields.Field[Any], **_: Any) -> dict[str, Any]:
        """Let a field that loads another thing than its base class say so in `documented`."""
        said: dict[str, Any] = dict(getattr(field, "documented", {}))
        if field.allow_none and "type" in said:
            said["type"] = [*said["type"], "null"]
        return said


class Marshmallow(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter


def schema_name(schema: type[Schema] | Schema) -> str:
    """Return what the document calls `schema`; one that may lack fields is a change."""
    schema_class = schema if isinstance(schema, type) else type(schema)
    name = schema_class.__name__.removesuffix("Schema")
    return f"{name}Change" if getattr(schema, "partial", None) else name


def _first_line(schema: type[Schema]) -> str:
    return (schema.__doc__ or "").partition("\n")[0]
