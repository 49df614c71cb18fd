"""Post pushes over the connections of firebase-admin's session, and without what that does beside.

`requests`, and Google's session over it, take two thirds of the processor time of a push: they
merge settings, prepare and copy headers, and ask about cookies and redirects, for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from requests import PreparedRequest, Request
from urllib3 import BaseHTTPResponse, Retry, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.transport.requests import AuthorizedSession
    from requests.adapters import HTTPAdapter

OK, UNAUTHORIZED = 200, 401
NO_RETRY = Retry(0, read=False)


class FcmPost:
    """Takes the place of the HTTP client of the SDK's messaging service (firebase-admin 7.7)."""

    def __init__(
        self,
        session: AuthorizedSession,
        adapter: HTTPAdapter,
        url: str,
        fetch: Callable[..., Any],
        *,
        timeout_s: float,
    ) -> None:
        """Post to `url` as `session` would over `adapter`, by its proxies and certificates.

        `fetch` is what fetches access tokens.
        """
        self.session = session
        self._fetch = fetch
        self._request: PreparedRequest = Request("POST", url).prepare()
        self._adapter = adapter
        self._connections = self._adapter.get_connection_with_tls_context(
            self._request, session.verify, proxies=session.proxies, cert=session.cert
        )
        self._adapter.cert_verify(self._connections, url, session.verify, session.cert)
        self._path = self._adapter.request_url(self._request, session.proxies)
        self._timeout = Timeout(connect=timeout_s, read=timeout_s)

    def body(self, method: str, url: str, *, headers: dict[str, str], json: Any) -> Any:
        """Post `json`, and return what is answered, as JSON (the SDK's `JsonHttpClient.body`).

        Raises requests.HTTPError for a refusal, GoogleAuthError when there is no access token, and
        urllib3's HTTPError when there is no answer.
        """
        content = orjson.dumps(json)
        response = self._post(method, url, headers, content)
        if response.status == UNAUTHORIZED:
            response.drain_conn()
            self.session.credentials.refresh(self._fetch)
            response = self._post(method, url, headers, content)
        if response.status == OK:
            return orjson.loads(response.read())
        refused = self._adapter.build_response(self._request, response)
        refused.raise_for_status()
        return refused.json()

    def _post(
        self, method: str, url: str, headers: dict[str, str], content: bytes
    ) -> BaseHTTPResponse:
        sent = {**headers, "Content-Type": "application/json"}
        self.session.credentials.before_request(self._fetch, method, url, sent)
        return self._connections.urlopen(
            method.upper(),
            self._path,
            body=content,
            headers=sent,
            timeout=self._timeout,
            retries=NO_RETRY,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )
