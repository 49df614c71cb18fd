"""Whether the process is up, and whether it can do its work (contract section 2.7)."""

from __future__ import annotations

from server.error_table import RETRY_AFTER_S
from server.handlers.base import PUBLIC, ApiHandler
from server.operation import Operation
from server.schemas.health import Live, Ready


class LiveHandler(ApiHandler):
    """`GET /health/live/`."""

    roles = {"GET": PUBLIC}
    operations = {"GET": Operation(answers={200: Live})}
    is_rate_limited = False

    async def get(self) -> None:
        """Say that the process answers."""
        self.answer({"status": "live"})


class ReadyHandler(ApiHandler):
    """`GET /health/ready/`."""

    roles = {"GET": PUBLIC}
    operations = {"GET": Operation(answers={200: Ready})}
    is_rate_limited = False

    async def get(self) -> None:
        """Say whether database, bus and queue are reachable, and which is not."""
        checks = await self.service.readiness.check()
        failed = sorted(name for name, state in checks.items() if state != "ok")
        if not failed:
            self.answer({"status": "ready", "checks": checks})
            return
        self.set_header("Retry-After", str(RETRY_AFTER_S))
        error = {
            "code": "UNAVAILABLE",
            "message": f"Not ready: {', '.join(failed)}",
            "details": checks,
        }
        self.answer({"error": error}, status=503)


ROUTES = [(r"/health/live/?", LiveHandler), (r"/health/ready/?", ReadyHandler)]
