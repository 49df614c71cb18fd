"""`run.py all` and its parts as real programs, each in a data directory of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import psutil

from tests.support.untraced import untraced

ROOT = Path(__file__).parents[3]
DEADLINE_S = 90.0
PRODUCTION = {
    "SNB_ENV": "production",
    "SNB_EMAIL_URL": "file:",
    "SNB_PUSH_URL": "file:",
    "SNB_SMS_URL": "file:",
    "SNB_IMAGES_URL": "file:",
    "SNB_JWT_SECRET": "s" * 32,
    "SNB_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
}


def environ_of(data_dir: Path, **given: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SNB_")}
    return {**clean, "SNB_DATA_DIR": str(data_dir), **given}


def run(data_dir: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `run.py` to its end."""
    return subprocess.run(
        [sys.executable, ROOT / "run.py", *arguments],
        env=environ_of(data_dir, **environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def wait_until(is_so: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Service:
    """`run.py`, all of it unless told otherwise, in a data directory of its own."""

    command: ClassVar[tuple[str | Path, ...]] = (sys.executable, ROOT / "run.py")

    def __init__(
        self, data_dir: Path, *arguments: str, is_traced: bool = False, **environ: str
    ) -> None:
        self.data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.environ = {"SNB_PORT": str(self.port), **environ}
        given = environ_of(data_dir, **self.environ)
        self.output = data_dir.with_suffix(".out")
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [*self.command, *arguments],
                env=given if is_traced else untraced(given),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def post(self, path: str, token: str, body: Any) -> tuple[int, Any]:
        return self._send("POST", path, token, body)

    def put(self, path: str, token: str, body: Any) -> tuple[int, Any]:
        return self._send("PUT", path, token, body)

    def _send(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def is_ready(self) -> bool:
        return self.get("/health/ready/")[0] == 200

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def family(self) -> dict[str, psutil.Process]:
        """Return the children by what they are."""
        found = {}
        for child in self.process.children(recursive=True):
            try:
                command = " ".join(child.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            for name in ("secantusd", "valkey-server", "run.py serve", "run.py worker"):
                if name in command:
                    found[name] = child
        return found

    def end(self) -> None:
        if self.process.is_running():
            self.process.terminate()
            self.process.wait(DEADLINE_S)


def servers(service: Service) -> list[psutil.Process]:
    """Return the server processes."""
    found = []
    for child in service.process.children(recursive=True):
        try:
            if "run.py serve --shared-port" in " ".join(child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found
