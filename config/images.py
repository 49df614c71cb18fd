"""Read where uploaded pictures are kept: `SNB_IMAGES_URL`.

    file:                                         below the data directory, served by this service
    s3://bucket?endpoint=https://...&region=...   uploaded to and read from the bucket

`s3:` takes `region` (`us-east-1`), `endpoint` (any service that speaks S3; Amazon's by default) and
`public_url` (where readers find the bucket, such as a CDN). Keys come from the URL
(`s3://id:secret@bucket`) or from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
`AWS_SESSION_TOKEN`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from config.reader import Reader, is_url, refusal

NAME = "IMAGES_URL"
DEFAULT_REGION = "us-east-1"

_OPTIONS = frozenset({"endpoint", "region", "public_url"})
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket and what may be done in it; its `repr` holds no secret."""

    name: str
    region: str
    url: str
    """Where it is, without a slash at the end."""

    public_url: str
    """Where readers find it; as `url` where nothing else is said."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def read_images_bucket(
    reader: Reader, environ: Mapping[str, str], *, is_production: bool
) -> Bucket | None:
    """Return the bucket of pictures, None where they are files. Raises SettingsError."""
    value = reader.optional(NAME)
    if value is None:
        if is_production:
            raise refusal(NAME, "must be set in production (file: keeps them on this machine)")
        return None
    if value == "file:":
        return None
    try:
        parts = urlsplit(value)
        options = dict(part.partition("=")[::2] for part in parts.query.split("&") if part)
        bucket = parts.hostname or ""
        is_plain = parts.port is None and not parts.path.strip("/")
    except ValueError:
        raise refusal(NAME, "is not a URL") from None
    if parts.scheme != "s3" or not _BUCKET.fullmatch(bucket) or not is_plain:
        raise refusal(NAME, "must be file: or s3://bucket")
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise refusal(NAME, f"has an unknown option {min(unknown)!r}")
    given = {name: unquote(option) for name, option in options.items()}
    for name in ("endpoint", "public_url"):
        if name in given and not is_url(given[name], ("https", "http")):
            raise refusal(NAME, f"{name} must be a URL such as https://images.example")
    region = given.get("region", DEFAULT_REGION)
    if not _REGION.fullmatch(region):
        raise refusal(NAME, "region must be one such as af-south-1")
    key_id, secret = _keys(parts.username, parts.password, environ)
    # With an endpoint of its own a bucket is a path: few of those services have a name for each.
    url = (
        f"{given['endpoint'].rstrip('/')}/{bucket}"
        if "endpoint" in given
        else f"https://{bucket}.s3.{region}.amazonaws.com"
    )
    return Bucket(
        name=bucket,
        region=region,
        url=url,
        public_url=given.get("public_url", url).rstrip("/"),
        key_id=key_id,
        secret=secret,
        session_token=environ.get("AWS_SESSION_TOKEN") if parts.username is None else None,
    )


def _keys(user: str | None, password: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    if user is not None:
        key_id, secret = unquote(user), unquote(password or "")
    else:
        key_id = environ.get("AWS_ACCESS_KEY_ID", "")
        secret = environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not key_id or not secret:
        raise refusal(
            NAME, "needs keys: s3://id:secret@bucket, or AWS_ACCESS_KEY_ID and its secret"
        )
    return key_id, secret
