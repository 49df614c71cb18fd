"""Read and check one variable of the environment at a time; every refusal names the variable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import environs
from marshmallow.validate import OneOf, Range

PREFIX = "SNB_"

OFF = "off"

MOST = 1_000_000_000
"""What a limit may be at most: far above any use, and exact wherever it is counted."""


class SettingsError(Exception):
    """A setting is missing or unusable; `variable` is its full name."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable
        self.problem = problem


class Reader:
    """Typed values of `SNB_*` variables; an empty variable counts as one that is not set.

    Every method takes the name without the prefix and raises `SettingsError`.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = _MappingEnv(environ)

    def text(self, name: str, default: str) -> str:
        """Return the value as it is."""
        value: str = self._checked(name, lambda: self._env.str(name, default))
        return value

    def optional(self, name: str) -> str | None:
        """Return the value as it is, or None when there is none."""
        value: str | None = self._checked(name, lambda: self._env.str(name, None))
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`; the first is the default."""
        validate = OneOf(choices, error="must be one of {choices}")
        value: str = self._checked(name, lambda: self._env.str(name, choices[0], validate=validate))
        return value

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        validate = Range(low, high)
        try:
            return self._env.int(name, default, validate=validate)
        except environs.EnvValidationError:
            raise refusal(name, f"must be a whole number from {low} to {high}") from None

    def matching(self, name: str, default: str, pattern: re.Pattern[str]) -> str:
        """Return a value that `pattern` matches as a whole; a default is held to it as well."""
        value = self.text(name, default)
        if not pattern.fullmatch(value):
            raise refusal(name, f"must match {pattern.pattern}")
        return value

    def listed(self, name: str) -> list[str]:
        """Return the comma separated parts, without empty ones."""
        return [part.strip() for part in self.text(name, "").split(",") if part.strip()]

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        """Return a URL of one of `schemes` with a host, or None when there is none."""
        value = self.optional(name)
        if value is not None and not is_url(value, schemes):
            # The value is not repeated: it may hold a password.
            raise refusal(name, f"must be a URL such as {schemes[0]}://host")
        return value

    def off_or_object(self, name: str) -> dict[str, Any] | None:
        """Return the JSON object given, empty when there is none; None for `off`."""
        value = self.text(name, "{}")
        if value.lower() == OFF:
            return None
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise refusal(name, "must be off or a JSON object")
        return found

    @staticmethod
    def _checked(name: str, parse: Callable[[], Any]) -> Any:
        try:
            return parse()
        except environs.EnvValidationError as error:
            messages = error.error_messages
            problem = messages[0] if isinstance(messages, list) and messages else "is not valid"
            raise refusal(name, problem) from None


class _MappingEnv(environs.Env):
    """environs over the mapping it is given instead of `os.environ`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=True, prefix=PREFIX)
        self._given = {name: value.strip() for name, value in environ.items() if value.strip()}

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._given.get(env_key, default)


def refusal(name: str, problem: str) -> SettingsError:
    """Return the error for the variable `name`, given without its prefix."""
    return SettingsError(PREFIX + name, problem)


def whole_number(name: str, key: str, value: object) -> None:
    """Refuse the variable `name` unless `value`, given in it as `key`, can be a limit."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise refusal(name, f"{key} must be a whole number from 0 to {MOST}")


def is_url(value: str, schemes: tuple[str, ...]) -> bool:
    """Tell whether `value` has one of `schemes` and its hosts, one or several, make sense."""
    try:
        parts = urlsplit(value)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        return parts.scheme in schemes and all(map(_is_host, hosts))
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """Tell whether `host` has a name. Raises ValueError for a port that is none."""
    parts = urlsplit(f"//{host}")
    return bool(parts.hostname) and parts.port != 0
