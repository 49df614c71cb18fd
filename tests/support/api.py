"""Call the API, and assert of every answer what is true of every answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from tests.support.documented import assert_documented

SECRET = "a secret for tests, long enough for HS256"
PLATFORM = UUID("5a5e0000-0000-4000-8000-0000000000aa")

AN_ID = UUID("5a5e0000-0000-4000-8000-0000000000bb")
"""Of nothing that there is; for parameters, where a random one would rename the test each time."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

CODES = {
    400: {"VALIDATION_ERROR"},
    401: {"UNAUTHORIZED"},
    403: {"PERMISSION_DENIED"},
    404: {"NOT_FOUND", "BUSINESS_NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    409: {"ALREADY_FOLLOWING", "CONFLICT", "IDEMPOTENCY_IN_PROGRESS"},
    413: {"PAYLOAD_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    422: {
        "FOLLOW_LIMIT_EXCEEDED",
        "IDEMPOTENCY_KEY_REUSED",
        "NOTIFICATION_LIMIT_EXCEEDED",
    },
    426: {"VALIDATION_ERROR"},
    429: {"RATE_LIMITED"},
    500: {"INTERNAL_ERROR", "DELIVERY_FAILED"},
    503: {"UNAVAILABLE"},
}


def token(
    user_id: UUID | None = None,
    user_type: str = "customer",
    *,
    secret: str = SECRET,
    expires_in_s: float = 3_600,
    algorithm: str = "HS256",
    **claims: Any,
) -> str:
    """Return a token as the platform would mint it; a claim that is None is left out."""
    payload = {
        "sub": str(user_id or uuid4()),
        "user_type": user_type,
        "exp": int(time.time() + expires_in_s),
        **claims,
    }
    present = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(present, secret, algorithm=algorithm)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose invariants hold."""

    status: int
    body: Any
    headers: HTTPHeaders

    @property
    def error(self) -> dict[str, Any]:
        """What stands under `error`."""
        error: dict[str, Any] = self.body["error"]
        return error


class Api:
    """A REST client of the service at `base_url`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = AsyncHTTPClient(force_instance=True)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    async def get(self, path: str, token: str | None = None, **options: Any) -> Answer:
        """GET `path`."""
        return await self.request("GET", path, token, **options)

    async def post(
        self, path: str, token: str | None = None, body: Any = None, **options: Any
    ) -> Answer:
        """POST `body` as JSON."""
        return await self.request("POST", path, token, body=body, **options)

    async def put(
        self, path: str, token: str | None = None, body: Any = None, **options: Any
    ) -> Answer:
        """PUT `body` as JSON."""
        return await self.request("PUT", path, token, body=body, **options)

    async def delete(self, path: str, token: str | None = None, **options: Any) -> Answer:
        """DELETE `path`."""
        return await self.request("DELETE", path, token, **options)

    async def raw(self, path: str, **headers: str) -> HTTPResponse:
        """GET what is not JSON, such as a page."""
        return await self.fetch(
            HTTPRequest(self.base_url + path, headers=headers, request_timeout=30)
        )

    async def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Send `request`, and assert nothing."""
        return await self._http.fetch(request, raise_error=False)

    async def request(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, having asserted its invariants."""
        content = (
            raw if raw is not None else json.dumps(body).encode() if body is not None else None
        )
        given = {"Content-Type": "application/json"} if content is not None else {}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        url = path if path.startswith("http") else self.base_url + path
        response = await self.fetch(
            HTTPRequest(
                url,
                method=method,
                headers=HTTPHeaders({**given, **(headers or {})}),
                body=content if content is not None or method != "POST" else b"",
                allow_nonstandard_methods=True,
                request_timeout=30,
            )
        )
        answer = Answer(
            response.code, json.loads(response.body) if response.body else None, response.headers
        )
        assert_invariants(answer, method, url)
        return answer


def assert_invariants(answer: Answer, method: str, url: str) -> None:
    """Assert what the contract and the document say of every answer (sections 2, 2.7, 2.8)."""
    assert_documented(method, url, answer.status, answer.body)
    assert answer.headers["X-Request-ID"]
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    if answer.status == 204:
        assert answer.body is None
        return
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    if answer.status < 400:
        return
    assert set(answer.body) == {"error"}
    assert set(answer.error) == {"code", "message", "details"}
    assert answer.error["code"] in CODES[answer.status]
    assert isinstance(answer.error["message"], str)
    assert isinstance(answer.error["details"], dict)
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if answer.status == 405:
        assert answer.headers["Allow"]
    if answer.status in {429, 503}:
        assert int(answer.headers["Retry-After"]) > 0
