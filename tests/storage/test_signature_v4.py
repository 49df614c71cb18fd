"""Against the signer of the provider's own SDK."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.config import Config

from config.images import Bucket
from storage.signature_v4 import form_fields, signed_url

KEY = "images/0b51.png"
ENDPOINT = "https://s3.example:9000"


def bucket(session_token: str | None) -> Bucket:
    return Bucket(
        name="pictures",
        region="af-south-1",
        url=f"{ENDPOINT}/pictures",
        public_url=f"{ENDPOINT}/pictures",
        key_id="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token=session_token,
    )


def sdk(session_token: str | None) -> Any:
    ours = bucket(session_token)
    return boto3.client(
        "s3",
        region_name=ours.region,
        endpoint_url=ENDPOINT,
        aws_access_key_id=ours.key_id,
        aws_secret_access_key=ours.secret,
        aws_session_token=session_token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def time_of(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize("session_token", [None, "FwoGZXIvYXdz+/="])
@pytest.mark.parametrize(
    ("method", "operation"), [("GET", "get_object"), ("DELETE", "delete_object")]
)
def test_an_address_is_signed_as_the_sdk_signs_it(
    method: str, operation: str, session_token: str | None
) -> None:
    theirs = sdk(session_token).generate_presigned_url(
        operation, Params={"Bucket": "pictures", "Key": KEY}, ExpiresIn=60
    )
    asked = dict(parse_qsl(urlsplit(theirs).query))
    at = time_of(asked["X-Amz-Date"])
    ours = signed_url(bucket(session_token), KEY, method=method, at=at, for_s=60)
    assert ours.partition("?")[0] == theirs.partition("?")[0]
    assert dict(parse_qsl(urlsplit(ours).query)) == asked


@pytest.mark.parametrize("session_token", [None, "FwoGZXIvYXdz+/="])
def test_a_form_is_signed_as_the_sdk_signs_it(session_token: str | None) -> None:
    wanted = {"Content-Type": "image/png", "success_action_status": "201"}
    size = ["content-length-range", 1, 1_000]
    theirs = sdk(session_token).generate_presigned_post(
        "pictures",
        KEY,
        Fields=wanted,
        Conditions=[*({name: value} for name, value in wanted.items()), size],
        ExpiresIn=900,
    )
    at = time_of(theirs["fields"]["x-amz-date"])
    ours = form_fields(
        bucket(session_token),
        KEY,
        content_type="image/png",
        most_bytes=1_000,
        at=at,
        until=at + timedelta(seconds=900),
    )
    assert theirs["url"].rstrip("/") == bucket(session_token).url
    assert ours.keys() == theirs["fields"].keys()
    # The SDK writes the same conditions in another order, so that the policy is other bytes.
    unsigned = {"policy", "x-amz-signature"}
    assert {k: v for k, v in ours.items() if k not in unsigned} == {
        k: v for k, v in theirs["fields"].items() if k not in unsigned
    }
    assert conditions(ours) == conditions(theirs["fields"])
    policy = json.loads(base64.b64decode(ours["policy"]))
    assert policy["expiration"] == f"{at + timedelta(seconds=900):%Y-%m-%dT%H:%M:%S.000Z}"
    again = sdk_signature(session_token, ours)
    assert again == ours["x-amz-signature"]


def conditions(fields: dict[str, str]) -> list[str]:
    policy = json.loads(base64.b64decode(fields["policy"]))
    return sorted(json.dumps(each) for each in policy["conditions"])


def sdk_signature(session_token: str | None, fields: dict[str, str]) -> str:
    """Return how the SDK signs this very policy."""
    signer = sdk(session_token)._request_signer.get_auth_instance("s3", "af-south-1", "s3v4")

    class Request:
        context = {"timestamp": fields["x-amz-date"]}

    signature: str = signer.signature(fields["policy"], Request())
    return signature
