"""What people say of a picture before they upload it, and are told (contract section 2.6)."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from rules.images import EXTENSIONS, LARGEST_BYTES
from server.schemas.answer import Answer
from server.schemas.fields import Time


class ImageSchema(Schema):
    """A picture that is to be uploaded."""

    content_type = fields.String(required=True, validate=validate.OneOf(tuple(EXTENSIONS)))
    size_bytes = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, LARGEST_BYTES)
    )


class ImageUpload(Answer):
    """How to upload it: a `multipart/form-data` of `fields`, then the file as `file`."""

    upload_url = fields.Url()
    method = fields.String(validate=validate.OneOf(["POST"]))
    fields_ = fields.Dict(keys=fields.String(), values=fields.String(), data_key="fields")
    image_url = fields.Url(metadata={"description": "where it is once it is uploaded"})
    expires_at = Time(metadata={"description": "until when it can be uploaded"})


IMAGE = ImageSchema()
