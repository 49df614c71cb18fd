"""Write what goes on the queue as JSON: unlike pickle, reading it runs nobody's code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from huey.registry import Message
from huey.serializer import Serializer

_TIMES = ("eta", "expires_resolved")


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Huey's serializer hook, for tasks whose arguments are plain JSON.

    Pipelines and chords, which hold messages within messages, are refused.
    """

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            return orjson.dumps({"task": data._asdict()})
        return orjson.dumps({"value": data})

    def _deserialize(self, data: bytes) -> Any:
        read = orjson.loads(data)
        if "task" not in read:
            return read["value"]
        fields = read["task"]
        for name in _TIMES:
            if fields[name] is not None:
                fields[name] = datetime.fromisoformat(fields[name])
        return Message(**fields)
