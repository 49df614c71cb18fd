"""Pictures for notifications (contract section 2.6), and the files of those that are kept here."""

from __future__ import annotations

from uuid import UUID

import tornado.httputil

from actors.frames import timestamp
from rules.images import EXTENSIONS, LARGEST_BYTES
from server.auth import UserType
from server.errors import NotFound, UnsupportedMediaType, ValidationFailed
from server.handlers.base import PUBLIC, UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.schemas.images import IMAGE, ImageUpload
from storage.image_files import ImageFiles

FORM_TYPE = "multipart/form-data"
FORM_BYTES = 16 * 1_024
"""Of a form beside its file."""

A_YEAR_S = 31_536_000
FILE_NAME = rf"{UUID_PATTERN}\.({'|'.join(EXTENSIONS.values())})"
CONTENT_TYPES = {extension: content_type for content_type, extension in EXTENSIONS.items()}


class ImagesHandler(ApiHandler):
    """`POST /api/images/`."""

    roles = {"POST": frozenset({UserType.ADMIN, UserType.PROVIDER})}
    operations = {"POST": Operation(body=IMAGE, answers={201: ImageUpload})}

    async def post(self) -> None:
        """Announce a picture, and learn how to upload it and where it will be."""
        image, form = await self.service.images.announce(self.principal.user_id, **self.json_body())
        self.answer(
            {
                "upload_url": form.url,
                "method": "POST",
                "fields": form.fields,
                "image_url": self.service.images.url(image),
                "expires_at": timestamp(image.expires_at),
            },
            status=201,
        )


class _FilesHandler(ApiHandler):
    """Base of what is there only where pictures are files of this machine."""

    is_part_of_api = False
    is_rate_limited = False

    @property
    def files(self) -> ImageFiles:
        """The files; raises NotFound where there are none."""
        objects = self.service.images.objects
        if not isinstance(objects, ImageFiles):
            raise NotFound
        return objects


class ImageUploadHandler(_FilesHandler):
    """`POST /images/uploads/{id}/`: the form of `POST /api/images/`, as a bucket would take it."""

    roles = {"POST": PUBLIC}
    body_limit_bytes = LARGEST_BYTES + FORM_BYTES

    def refuse_unread_body(self) -> None:
        """Let the form in; it is no JSON."""

    async def post(self, image_id: str) -> None:
        """Keep the file that was announced; whoever has the form may send it, once."""
        files, wanted = self.files, UUID(image_id)
        token, content = self._form()
        files.verify(wanted, token)
        image = (await self.service.stores.images.find_many([wanted])).get(wanted)
        if image is None or image.expires_at < self.service.clock.store_now():
            raise NotFound("The upload has expired")
        if not 0 < len(content) <= image.size_bytes:
            raise ValidationFailed({"file": [f"Must have 1 to {image.size_bytes} bytes."]})
        await files.write(image, content)
        self.answer({"image_url": self.service.images.url(image)}, status=201)

    def _form(self) -> tuple[str, bytes]:
        """Return the token and the file of the form."""
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.partition(";")[0].strip().lower() != FORM_TYPE:
            raise UnsupportedMediaType(FORM_TYPE)
        fields: dict[str, list[bytes]] = {}
        sent: dict[str, list[tornado.httputil.HTTPFile]] = {}
        try:
            tornado.httputil.parse_body_arguments(
                content_type, self.raw_body(), fields, sent, self.request.headers
            )
        except tornado.httputil.HTTPInputError:
            raise ValidationFailed({"body": ["Not a valid form."]}) from None
        missing = {
            name: ["Missing data for required field."]
            for name, given in (("token", fields), ("file", sent))
            if name not in given
        }
        if missing:
            raise ValidationFailed(missing)
        return fields["token"][-1].decode("ascii", "replace"), sent["file"][-1].body


class ImageFileHandler(_FilesHandler):
    """`GET /images/{id}.png`."""

    roles = {"GET": PUBLIC}

    async def get(self, image_id: str, extension: str) -> None:
        """Show a picture; nothing in it is run, whatever it is."""
        content = await self.files.read(f"{UUID(image_id)}.{extension}")
        if content is None:
            raise NotFound
        self.set_header("Content-Type", CONTENT_TYPES[extension])
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        # What is there is never replaced.
        self.set_header("Cache-Control", f"public, max-age={A_YEAR_S}, immutable")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.finish(content)


ROUTES = [
    (r"/api/images/?", ImagesHandler),
    (rf"/images/uploads/{UUID_PATTERN}/?", ImageUploadHandler),
    (rf"/images/{FILE_NAME}", ImageFileHandler),
]
