"""What clients and the platform send or ask, loaded in one pass where nothing is wrong with it.

marshmallow's own load makes a closure and arguments for each field, and keeps a list of errors, so
that it can name all that is wrong: half of the 174 us of a listing. What is right has nothing to be
named; what turns out wrong is loaded again, marshmallow's way, and told in its words.
"""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, missing, post_load

from server.garbage import let_go


class Input(Schema):
    """A schema that refuses unknown fields or passes them over. Instead of hooks it has `made`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.unknown in {RAISE, EXCLUDE}
        assert not self.many
        # What would be passed over while nothing is wrong.
        assert not any(field.attribute for field in self.load_fields.values())
        optional = frozenset(self.load_fields if self.partial is True else self.partial or ())
        self._fields = [
            (name, field.data_key or name, field, name in optional)
            for name, field in self.load_fields.items()
        ]

    def made(self, loaded: dict[str, Any]) -> Any:
        """Return what valid fields make; raises ValidationError where they do not fit."""
        return loaded

    def load(self, data: Any, **options: Any) -> Any:
        """Return what `data` says. Raises ValidationError, which names all that is wrong."""
        if type(data) is dict and not options:
            try:
                return self.made(self._valid(data))
            except ValidationError as error:
                let_go(error)
        return super().load(data, **options)

    def _valid(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of `data`; raises ValidationError at the first that is wrong."""
        loaded: dict[str, Any] = {}
        known = 0
        for name, key, field, is_optional in self._fields:
            given = data.get(key, missing)
            if given is missing:
                value = missing if is_optional else field.deserialize(missing)
                if value is missing:
                    continue
            else:
                known += 1
                if given is None:
                    value = field.deserialize(None)
                else:
                    # What `deserialize` does, which puts the validators together each time.
                    value = field._deserialize(given, key, data)  # noqa: SLF001 (fields override it)
                    for validate in field.validators:
                        validate(value)
            loaded[name] = value
        if known < len(data) and self.unknown == RAISE:
            raise ValidationError(self.error_messages["unknown"])
        return loaded

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        return self.made(loaded)
