"""How sending is (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from actors.frames import timestamp
from server.auth import ADMINS
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.overview import ChannelOverview, Worker
from server.schemas.overview import OverviewSchema
from server.views import channel_switch_record
from storage.jobs import JobRow


class OverviewHandler(ApiHandler):
    """`GET /api/ops/overview/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(answers={200: OverviewSchema})}

    async def get(self) -> None:
        """Say what waits, who works, and how each channel does."""
        seen = await self.service.overview.read()
        self.answer(
            {
                "queue_depth": seen.queue_depth,
                "scheduled": seen.scheduled,
                "queued": seen.total("queued"),
                "deferred": seen.total("deferred"),
                "in_flight": seen.total("sending"),
                "channels": [_channel(channel) for channel in seen.channels],
                "workers": [_worker(worker) for worker in seen.workers],
                "jobs": [_job(job) for job in seen.jobs],
            }
        )


def _channel(channel: ChannelOverview) -> dict[str, Any]:
    health = channel.health
    return {
        **channel_switch_record(channel.switch),
        "queue_depth": channel.queue_depth,
        "queued": channel.waiting.get("queued", 0),
        "deferred": channel.waiting.get("deferred", 0),
        "in_flight": channel.waiting.get("sending", 0),
        "circuit": health and health.circuit,
        "succeeded": health.succeeded if health else 0,
        "failed": health.failed if health else 0,
        "success_rate": health and health.success_rate,
    }


def _worker(worker: Worker) -> dict[str, Any]:
    process = worker.process
    return {
        "instance": process.lease.owner,
        "epoch": process.lease.epoch,
        "host": process.host,
        "pid": process.pid,
        "started_at": timestamp(process.started_at),
        "last_heartbeat_at": timestamp(process.beaten_at),
        "is_alive": worker.is_alive,
    }


def _job(job: JobRow) -> dict[str, Any]:
    return {
        "name": job.name,
        "last_run_at": job.ended_at and timestamp(job.ended_at),
        "duration_s": job.duration_s,
        "last_result": job.said,
        "error": job.error,
        "runs": job.runs,
        "failures": job.failures,
    }


ROUTES = [(r"/api/ops/overview/?", OverviewHandler)]
