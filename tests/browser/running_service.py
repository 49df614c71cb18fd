"""`python run.py` in a directory of its own, and what the platform and another device do to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import URLError
from uuid import uuid4

import psutil

from tests.support.untraced import untraced

PROGRAM = Path(__file__).parents[2] / "run.py"

READY = re.compile(r"notifications are ready: (http://\S+)/")

START_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0
DONE_WITHIN_S = 30.0
LOOK_EVERY_S = 0.05


class RunningService:
    """The whole service on a port of 0, which is any that is free, with its demo data."""

    def __init__(self, directory: Path) -> None:
        self.url = ""
        self._data_dir = directory / "data"
        self._output = directory / "output.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        inherited = untraced(os.environ).items()
        environ = {name: value for name, value in inherited if name[:4] != "SNB_"}
        environ |= {"SNB_DATA_DIR": str(self._data_dir), "SNB_PORT": "0"}
        # All tests are the same customer within a minute.
        environ |= {"SNB_RATE_LIMITS": "off"}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, PROGRAM], env=environ, stdout=output, stderr=output
            )
        wait_until(self._is_welcoming, within_s=START_WITHIN_S, otherwise=self._output.read_text)

    def stop(self) -> None:
        """Stop it as Ctrl-C and service managers do."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(STOP_WITHIN_S) == 0, self._output.read_text()

    def kill_server(self) -> None:
        """Kill -9 the server process; what started it is to start it again."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        server = next(child for child in children if child.cmdline()[-1] == "serve")
        server.kill()
        server.wait(STOP_WITHIN_S)

    def wait_until_ready(self) -> None:
        """Wait until the health check says so."""
        wait_until(self._is_ready, within_s=START_WITHIN_S, otherwise=self._output.read_text)

    def post_listing(self, name: str, *, business: int = 0) -> None:
        """Tell of a listing as the platform does."""
        event = {
            "id": uuid4().hex,
            "type": "listing.created",
            "occurred_at": "2026-01-06T15:00:00Z",
            "data": {
                "listing_id": uuid4().hex,
                "business_id": self.session["businesses"][business]["id"],
                "name": name,
                "price": 25,
                "expiry_date": "2030-01-06T18:00:00Z",
                "pickup_location": "12 Long Street",
            },
        }
        self._request("POST", "/api/internal/events/", self.session["platform_token"], event)

    def wait_for_notification(self, title: str) -> str:
        """Wait until the customer's inbox has it, whoever is connected; return its id."""
        found: list[str] = []

        def is_there() -> bool:
            found.extend(row["id"] for row in self._inbox() if row["title"] == title)
            return bool(found)

        wait_until(is_there, within_s=DONE_WITHIN_S, otherwise=lambda: f"no {title}")
        return found[0]

    def mark_read(self, notification_id: str) -> None:
        """Mark one of the customer's notifications read, as another device would."""
        body = {"notification_ids": [notification_id]}
        self._request("POST", "/api/notifications/mark-read/", self._token, body)

    def delete(self, notification_id: str) -> None:
        """Delete one of the customer's notifications, as another device would."""
        self._request("DELETE", f"/api/notifications/{notification_id}/delete/", self._token)

    def mark_all_read(self) -> None:
        """Leave the customer nothing unread."""
        self._request("POST", "/api/notifications/mark-all-read/", self._token)

    @cached_property
    def session(self) -> dict[str, Any]:
        """Whom one can be on the page."""
        session: dict[str, Any] = self._request("GET", "/demo/session/")
        return session

    @property
    def preferences(self) -> dict[str, Any]:
        """What the customer prefers just now."""
        answer = self._request("GET", "/api/notifications/preferences/", self._token)
        preferences: dict[str, Any] = answer["preferences"]
        return preferences

    @property
    def encryption_key(self) -> str:
        """The key that development has made up."""
        return (self._data_dir / "secrets" / "encryption_key").read_text()

    @property
    def _token(self) -> str:
        """The token of the customer whom the page shows first."""
        token: str = self.session["users"][0]["token"]
        return token

    def _inbox(self) -> list[dict[str, Any]]:
        inbox = self._request("GET", "/api/notifications/", self._token)
        rows: list[dict[str, Any]] = inbox["results"]
        return rows

    def _request(
        self, method: str, path: str, token: str | None = None, body: object = None
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=DONE_WITHIN_S) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def _is_welcoming(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._output.read_text()
        welcome = READY.search(self._output.read_text())
        if welcome is None:
            return False
        self.url = welcome[1]
        return True

    def _is_ready(self) -> bool:
        try:
            return bool(self._request("GET", "/health/ready/")["status"] == "ready")
        except (URLError, ConnectionError):
            return False


def wait_until(is_so: Callable[[], bool], *, within_s: float, otherwise: Callable[[], str]) -> None:
    """Look again and again until `is_so()`; fail with what `otherwise` tells."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        pause.wait(LOOK_EVERY_S)
