"""What is told of the state of a process (contract section 2.7)."""

from __future__ import annotations

from marshmallow import fields, validate

from server.schemas.answer import Answer


class Live(Answer):
    """The process answers."""

    status = fields.String(validate=validate.Equal("live"))


class Ready(Answer):
    """Everything that the process needs is there."""

    status = fields.String(validate=validate.Equal("ready"))
    checks = fields.Dict(keys=fields.String(), values=fields.String())
