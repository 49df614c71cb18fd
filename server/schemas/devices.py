"""What clients say of their devices and are told of them (contract section 2.4)."""

from __future__ import annotations

import re

from marshmallow import Schema, fields, validate

from server.schemas.answer import Answer, Listing
from server.schemas.fields import Text, Time
from server.schemas.notifications import PageSchema
from storage.devices import PLATFORMS

LONGEST_TOKEN = 4_096
"""What the push provider says of its tokens is that they may become as long."""

_TOKEN = re.compile(r"[!-~]+\Z")
"""Visible ASCII: what the provider gives out, and what fits into a URL of its API."""


class DeviceToken(Schema):
    """A device as its app announces it, at each start."""

    device_token = fields.String(
        required=True,
        validate=[
            validate.Length(1, LONGEST_TOKEN),
            validate.Regexp(_TOKEN, error="Not a device token."),
        ],
    )
    platform = fields.String(required=True, validate=validate.OneOf(PLATFORMS))
    name = Text(1, 100, allow_none=True)


class Device(Answer):
    """A device; its token is never given back."""

    id = fields.UUID()
    platform = fields.String(validate=validate.OneOf(PLATFORMS))
    name = fields.String(allow_none=True)
    is_active = fields.Boolean()
    token_hint = fields.String()
    created_at = Time()
    last_used_at = Time()


class Devices(Listing):
    """The caller's devices, newest first."""

    results = fields.List(fields.Nested(Device))


DEVICE = DeviceToken()
DEVICES_QUERY = PageSchema()
