"""Sign what is asked of S3 (AWS Signature Version 4), as far as pictures need it.

A server process has no SDK of a provider's: a form for browsers and an address to read or remove
one object are an HMAC each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from datetime import datetime

    from config.images import Bucket

ALGORITHM = "AWS4-HMAC-SHA256"


def form_fields(
    bucket: Bucket,
    key: str,
    *,
    content_type: str,
    most_bytes: int,
    at: datetime,
    until: datetime,
) -> dict[str, str]:
    """Return the fields of a form that uploads `key` and nothing else, until then.

    Amazon S3, "Authenticating Requests in Browser-Based Uploads Using POST".
    """
    fields = {
        "key": key,
        "Content-Type": content_type,
        "success_action_status": "201",
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{bucket.key_id}/{_scope(bucket, at)}",
        "x-amz-date": _time(at),
    }
    if bucket.session_token is not None:
        fields["x-amz-security-token"] = bucket.session_token
    conditions = [
        {"bucket": bucket.name},
        *({name: value} for name, value in fields.items()),
        ["content-length-range", 1, most_bytes],
    ]
    policy = {"expiration": f"{until:%Y-%m-%dT%H:%M:%S.000Z}", "conditions": conditions}
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    return fields | {"policy": encoded, "x-amz-signature": _signed(bucket, at, encoded)}


def signed_url(bucket: Bucket, key: str, *, method: str, at: datetime, for_s: int) -> str:
    """Return the address at which `method` may be done to `key` for so many seconds.

    Amazon S3, "Authenticating Requests: Using Query Parameters".
    """
    parts = urlsplit(f"{bucket.url}/{quote(key)}")
    asked = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{bucket.key_id}/{_scope(bucket, at)}",
        "X-Amz-Date": _time(at),
        "X-Amz-Expires": str(for_s),
        "X-Amz-SignedHeaders": "host",
    }
    if bucket.session_token is not None:
        asked["X-Amz-Security-Token"] = bucket.session_token
    query = urlencode(sorted(asked.items()), quote_via=quote, safe="-_.~")
    request = "\n".join(
        (method, parts.path, query, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD")
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    statement = "\n".join((ALGORITHM, _time(at), _scope(bucket, at), digest))
    return f"{parts.geturl()}?{query}&X-Amz-Signature={_signed(bucket, at, statement)}"


def _scope(bucket: Bucket, at: datetime) -> str:
    return f"{at:%Y%m%d}/{bucket.region}/s3/aws4_request"


def _time(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"


def _signed(bucket: Bucket, at: datetime, statement: str) -> str:
    key = f"AWS4{bucket.secret}".encode()
    for part in (*_scope(bucket, at).split("/"), statement):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key.hex()
