"""Pictures as files on this machine, uploaded to this service itself.

Whoever holds a form may upload its one picture, once: the form's token is half an HMAC of the
picture's id. Errors: `UnknownUpload`, `AlreadyUploaded`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from rules.images import HEAD_BYTES
from storage.encryption import derived_key
from storage.image_objects import FOLDER, Found, ImageStoreUnavailable, UploadForm, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from storage.images import Image

SIGNATURE_BYTES = 16
UPLOADS_PATH = f"/{FOLDER}/uploads/"


class UnknownUpload(LookupError):
    """No form of ours says this."""


class AlreadyUploaded(Exception):
    """What is there stays: it may have been looked at."""


class ImageFiles:
    """The folder of pictures below the data directory."""

    def __init__(self, data_dir: Path, public_url: str, keys: Sequence[bytes]) -> None:
        self._folder = data_dir / FOLDER
        self._public_url = public_url
        self.base_url = f"{public_url}/{FOLDER}/"
        self._keys = [derived_key(key, b"image uploads") for key in keys]

    def form(self, image: Image) -> UploadForm:
        """Return how to upload `image`."""
        return UploadForm(
            url=f"{self._public_url}{UPLOADS_PATH}{image.id}/",
            fields={
                "Content-Type": image.content_type,
                "token": _signature(self._keys[0], image.id),
            },
        )

    def verify(self, image_id: UUID, token: str) -> None:
        """Raise UnknownUpload where `token` is not that of the form."""
        given = token.encode()
        if not any(
            hmac.compare_digest(_signature(key, image_id).encode(), given) for key in self._keys
        ):
            raise UnknownUpload

    async def write(self, image: Image, content: bytes) -> None:
        """Keep `content` as `image`. Raises AlreadyUploaded, ImageStoreUnavailable."""
        try:
            await asyncio.to_thread(self._write, name_of(image), content)
        except OSError as error:
            raise ImageStoreUnavailable from error

    async def read(self, name: str) -> bytes | None:
        """Return the file `name`, one of `name_of`; None when there is none.

        Raises ImageStoreUnavailable.
        """
        try:
            return await asyncio.to_thread((self._folder / name).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ImageStoreUnavailable from error

    async def look(self, image: Image) -> Found | None:
        """Return what was uploaded, None while nothing was. Raises ImageStoreUnavailable."""
        content = await self.read(name_of(image))
        if content is None:
            return None
        return Found(
            head=content[:HEAD_BYTES], size_bytes=len(content), content_type=image.content_type
        )

    async def remove(self, image: Image) -> None:
        """Remove what was uploaded, if anything. Raises ImageStoreUnavailable."""
        try:
            await asyncio.to_thread((self._folder / name_of(image)).unlink, missing_ok=True)
        except OSError as error:
            raise ImageStoreUnavailable from error

    async def close(self) -> None:
        """Hold nothing."""

    def _write(self, name: str, content: bytes) -> None:
        """Write under another name first: nobody sees a part of a picture, and none is replaced."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{uuid4().hex}"
        try:
            unfinished.write_bytes(content)
            try:
                os.link(unfinished, self._folder / name)
            except FileExistsError:
                raise AlreadyUploaded from None
        finally:
            with suppress(OSError):
                unfinished.unlink()


def _signature(key: bytes, image_id: UUID) -> str:
    return hmac.digest(key, image_id.bytes, hashlib.sha256)[:SIGNATURE_BYTES].hex()
