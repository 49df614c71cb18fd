"""An archive in a bucket of Amazon S3, or of what speaks its API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks.archives.archive import ArchiveUnavailable

if TYPE_CHECKING:
    from config.archive import ArchivePlace

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
ATTEMPTS = 3
"""To put a file again is harmless."""


class S3Archive:
    """Objects below a prefix; credentials are found as every AWS program finds them."""

    def __init__(self, place: ArchivePlace) -> None:
        self._place = place
        self._client = boto3.Session().client(
            "s3",
            region_name=place.region,
            endpoint_url=place.endpoint,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"total_max_attempts": ATTEMPTS},
            ),
        )

    async def put(self, name: str, content: bytes) -> None:
        """Put the object; S3 says yes once it will not lose it."""
        key = f"{self._place.path}/{name}" if self._place.path else name
        try:
            await asyncio.to_thread(
                self._client.put_object,
                Bucket=self._place.bucket,
                Key=key,
                Body=content,
                ContentType="application/x-ndjson",
                ContentEncoding="gzip",
            )
        except ClientError as error:
            reason = str(error.response["Error"].get("Code"))
            raise ArchiveUnavailable(str(self._place), reason) from error
        except BotoCoreError as error:
            raise ArchiveUnavailable(str(self._place), type(error).__name__) from error
