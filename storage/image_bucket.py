"""Pictures in a bucket: browsers upload to it by a signed form, readers read from it."""

from __future__ import annotations

import asyncio
import http.client
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rules.images import HEAD_BYTES, LARGEST_BYTES
from storage.image_objects import FOLDER, Found, ImageStoreUnavailable, UploadForm, name_of
from storage.signature_v4 import form_fields, signed_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeVar

    from config.images import Bucket
    from storage.images import Image

    T = TypeVar("T")

TIMEOUT_S = 5.0
DEADLINE_S = 8.0
"""Of a look or a removal, its wait for a thread included."""

AT_ONCE = 4

SIGNED_FOR_S = 60

_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class ImageBucket:
    """A bucket of S3, or of what speaks like it."""

    def __init__(self, bucket: Bucket, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._now = now
        self.base_url = f"{bucket.public_url}/{FOLDER}/"
        # Of its own: a bucket that does not answer keeps no other work from its thread.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bucket")

    def form(self, image: Image) -> UploadForm:
        """Return how to upload `image`."""
        return UploadForm(
            url=f"{self._bucket.url}/",
            fields=form_fields(
                self._bucket,
                _key(image),
                content_type=image.content_type,
                most_bytes=image.size_bytes,
                at=image.created_at,
                until=image.expires_at,
            ),
        )

    async def look(self, image: Image) -> Found | None:
        """Return what was uploaded, None while nothing was. Raises ImageStoreUnavailable."""
        request = self._request(image, "GET")
        request.add_header("Range", f"bytes=0-{HEAD_BYTES - 1}")
        return await self._in_time(lambda: _looked(request))

    async def remove(self, image: Image) -> None:
        """Remove what was uploaded, if anything. Raises ImageStoreUnavailable."""
        request = self._request(image, "DELETE")
        await self._in_time(lambda: _removed(request))

    async def close(self) -> None:
        """Let the threads end; what they wait for has a timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _request(self, image: Image, method: str) -> urllib.request.Request:
        url = signed_url(
            self._bucket, _key(image), method=method, at=self._now(), for_s=SIGNED_FOR_S
        )
        return urllib.request.Request(url, method=method)  # noqa: S310 - http(s), by the settings

    async def _in_time(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await loop.run_in_executor(self._threads, work)
        except (OSError, http.client.HTTPException) as error:
            # URLError and TimeoutError are OSErrors.
            raise ImageStoreUnavailable from error


def _looked(request: urllib.request.Request) -> Found | None:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            head = answer.read(HEAD_BYTES)
            content_type = answer.headers.get("Content-Type", "")
            ranged = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            size = ranged[1] if ranged else answer.headers.get("Content-Length")
            # Of unknown size is too large.
            return Found(
                head=head,
                size_bytes=int(size) if size else LARGEST_BYTES + 1,
                content_type=content_type,
            )
    except urllib.error.HTTPError as error:
        # 403: who may not list a bucket is not told what is not there.
        if error.code in {403, 404}:
            return None
        raise


def _removed(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
        pass


def _key(image: Image) -> str:
    return f"{FOLDER}/{name_of(image)}"
