"""What operators are told of how sending is (contract section 2.6)."""

from __future__ import annotations

from marshmallow import fields, validate

from rules.channel_health import Circuit
from server.schemas.answer import Answer, Count
from server.schemas.channel_switches import ChannelSwitchSchema
from server.schemas.fields import Time


class ChannelOverviewSchema(ChannelSwitchSchema):
    """One channel; what workers tell of it is of the last 15 minutes, at most 10 s old."""

    queue_depth = Count(
        allow_none=True,
        metadata={"description": "chunks of deliveries on its queue; null when that is away"},
    )
    queued = Count()
    deferred = Count(metadata={"description": "waiting for their time, or to be tried again"})
    in_flight = Count(metadata={"description": "with a worker, and perhaps with the provider"})
    circuit = fields.String(
        allow_none=True,
        validate=validate.OneOf([circuit.value for circuit in Circuit]),
        metadata={"description": "the worst that a worker sees; null when there is no worker"},
    )
    succeeded = Count()
    failed = Count()
    success_rate = fields.Float(
        allow_none=True,
        validate=validate.Range(0, 1),
        metadata={"description": "null when nothing was sent"},
    )


class WorkerSchema(Answer):
    """A worker process."""

    instance = fields.String()
    epoch = Count(metadata={"description": "how often the instance has been started"})
    host = fields.String()
    pid = Count()
    started_at = Time()
    last_heartbeat_at = Time()
    is_alive = fields.Boolean(metadata={"description": "it has shown itself in the last minute"})


class JobSchema(Answer):
    """A job that one of all processes does by the clock, and how it last went."""

    name = fields.String()
    last_run_at = Time(
        allow_none=True, metadata={"description": "when it ended; null while the first one runs"}
    )
    duration_s = fields.Float(validate=validate.Range(0))
    last_result = fields.String(
        allow_none=True, metadata={"description": "what it did when it last went well"}
    )
    error = fields.String(
        allow_none=True, metadata={"description": "why the last run failed; null when it did not"}
    )
    runs = Count()
    failures = Count(metadata={"description": "how many of the runs failed"})


class OverviewSchema(Answer):
    """How sending is."""

    queue_depth = Count(
        allow_none=True,
        metadata={"description": "chunks of deliveries on all queues; null when they are away"},
    )
    scheduled = Count(metadata={"description": "notifications to be made at a time of their own"})
    queued = Count()
    deferred = Count()
    in_flight = Count()
    channels = fields.List(fields.Nested(ChannelOverviewSchema))
    workers = fields.List(fields.Nested(WorkerSchema))
    jobs = fields.List(fields.Nested(JobSchema))
