"""What every answer has in common: its headers, the request's id, the envelope of errors."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from uuid import uuid4

import structlog
import tornado.web

from actors.frames import to_json
from rules.rate_limits import Standing
from server.application import Application
from server.error_table import answer_to, internal_error
from server.errors import ErrorAnswer, MethodNotAllowed, RateLimited
from server.garbage import let_go
from server.handlers.lingering import LingeringHandler

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}\Z")

log = structlog.get_logger(__name__)


class AnsweringHandler(LingeringHandler):
    """Base of whatever answers a request, handshakes of sockets included."""

    application: Application
    request_id: str

    standing: Standing | None = None
    """Where the caller stands with their rate limits, once that is known."""

    def clear(self) -> None:
        """Begin the answer anew, as Tornado does, which for each writes the time and its name."""
        # What has been looked at once, in the edge, is not looked at for every request.
        self._headers = self.application.edge.headers(self._origin)
        self.set_default_headers()
        self._write_buffer = []
        self._status_code = 200
        self._reason = "OK"

    def set_default_headers(self) -> None:
        """Name the request in every answer, whatever becomes of it."""
        given = self.request.headers.get("X-Request-ID", "")
        self.request_id = given if _SANE_REQUEST_ID.match(given) else str(uuid4())
        self._headers["Date"] = self.application.http_date()
        self._headers["X-Request-ID"] = self.request_id
        self._set_standing_headers()

    def take_standing(self, standing: Standing | None) -> None:
        """Have every answer say where the caller stands. Raises RateLimited when they must wait."""
        self.standing = standing
        self._set_standing_headers()
        if standing is not None and not standing.is_admitted:
            raise RateLimited(standing)

    def _set_standing_headers(self) -> None:
        if self.standing is not None:
            self._headers["RateLimit-Limit"] = str(self.standing.limit.most)
            self._headers["RateLimit-Remaining"] = str(self.standing.remaining)
            self._headers["RateLimit-Reset"] = str(self.standing.resets_in_s)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Return a segment of the path as text; what is no UTF-8 leads nowhere."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise tornado.web.HTTPError(404) from None

    def set_etag_header(self) -> None:
        """Do without: nothing here is to be cached."""

    def check_etag_header(self) -> bool:
        """Send what is asked for, whatever the client has of it."""
        return False

    @property
    def _origin(self) -> str | None:
        """The origin of the page that asks, None where no browser says one."""
        return self.request.headers.get("Origin")

    def allowed_methods(self) -> Collection[str]:
        """Return the methods that there are; none means that nothing is at this address."""
        return ()

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Say which methods there are, and to browsers whether the asking page may use them."""
        methods = self.allowed_methods()
        self.set_status(204)
        self.clear_header("Content-Type")
        self.set_header("Allow", ", ".join(sorted(methods)))
        for name, value in self.application.edge.preflight(self._origin, methods).items():
            self.set_header(name, value)
        self.finish()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the envelope of the error (contract section 2.8)."""
        error = (
            kwargs["exc_info"][1] if "exc_info" in kwargs else tornado.web.HTTPError(status_code)
        )
        if isinstance(error, tornado.web.HTTPError) and error.status_code == 405:
            # Tornado knows some methods and refuses others before `prepare`.
            allowed = self.allowed_methods()
            error = MethodNotAllowed(allowed) if allowed else tornado.web.HTTPError(404)
        self.answer_error(answer_to(error) or internal_error(self.request_id))
        let_go(error)

    def answer_error(self, answer: ErrorAnswer) -> None:
        """Answer with the envelope of `answer`."""
        self._begin_error(answer)
        self.finish(to_json({"error": answer.body()}))

    def _begin_error(self, answer: ErrorAnswer) -> None:
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)

    @property
    def logged_path(self) -> str:
        """Return the path for logs, without what they are not to hold."""
        return self.request.path

    def log_exception(self, *exc_info: Any) -> None:
        """Log a fault of ours whole, and what clients did wrong not at all."""
        error = exc_info[1]
        if answer_to(error) is None:
            log.error("request_failed", path=self.logged_path, exc_info=error)
