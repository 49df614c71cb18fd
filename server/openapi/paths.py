"""Routes as OpenAPI and the metrics name them: `/api/unfollow/{business_id}/`."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import tornado.web

from server.handlers.base import UUID_PATTERN

_GROUP = re.compile(r"\(((?:[^()]|\(\?:[^()]*\))+)\)")


@dataclass(frozen=True, slots=True)
class PathParameter:
    """One segment that varies; `pattern` is what it must match."""

    name: str
    pattern: str

    def documented(self) -> dict[str, Any]:
        """Return it as a Parameter Object (OpenAPI 3.1.1 §4.8.12)."""
        is_uuid = f"({self.pattern})" == UUID_PATTERN
        shape = {"format": "uuid"} if is_uuid else {"pattern": f"^{self.pattern}$"}
        return {
            "in": "path",
            "name": self.name,
            "required": True,
            "schema": {"type": "string", **shape},
        }


def path_of(
    route: str, handler: type[tornado.web.RequestHandler]
) -> tuple[str, list[PathParameter]]:
    """Return the path template of `route` and its parameters.

    Their names are those of the arguments of the handler's methods; the slash that may be left
    out is shown.
    """
    names = iter(_argument_names(handler))
    parameters = []

    def named(group: re.Match[str]) -> str:
        parameter = PathParameter(next(names), group[1])
        parameters.append(parameter)
        return f"{{{parameter.name}}}"

    path = _GROUP.sub(named, route.removesuffix("?")).replace("\\", "")
    return path, parameters


def _argument_names(handler: type[tornado.web.RequestHandler]) -> list[str]:
    """Return the names that the handler gives to what varies in its path."""
    method = next(iter(getattr(handler, "roles", {})), "GET")
    return list(inspect.signature(getattr(handler, method.lower())).parameters)[1:]
