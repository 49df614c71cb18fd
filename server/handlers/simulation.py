"""What the gates would say, sending nothing (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from actors.frames import timestamp
from rules.kinds import KINDS
from rules.verdicts import Verdict, deciding
from server.auth import ADMINS
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.schemas.simulation import SIMULATE, SimulationAnswer
from server.simulation import Simulated

DECISIONS = {Verdict.DEFER: "defer", Verdict.REFUSE: "suppress"}


class SimulationHandler(ApiHandler):
    """`POST /api/ops/simulate/`."""

    roles = {"POST": ADMINS}
    operations = {
        "POST": Operation(body=SIMULATE, answers={200: SimulationAnswer}, refusals=(404,))
    }

    async def post(self) -> None:
        """Say what each gate would do with a notification for somebody, and send nothing."""
        asked = self.json_body()
        at = asked["at"] or self.service.clock.store_now()
        simulated = await self.service.simulation.run(
            asked["user_id"],
            KINDS[asked["notification_type"]],
            at=at,
            is_critical=asked["priority"] == "critical",
        )
        self.answer(
            {
                "user_id": asked["user_id"],
                "notification_type": asked["notification_type"],
                "at": timestamp(at),
                "priority": asked["priority"],
                "channels": [_channel(each) for each in simulated],
            }
        )


def _channel(simulated: Simulated) -> dict[str, Any]:
    decides = deciding(simulated.gates)
    return {
        "channel": simulated.channel,
        "decision": DECISIONS[decides.verdict] if decides else "send",
        "reason": decides and decides.gate,
        "until": decides and decides.until and timestamp(decides.until),
        "sent_today": simulated.sent,
        "daily_cap": simulated.cap,
        "gates": [{"gate": each.gate, "verdict": each.verdict} for each in simulated.gates],
    }


ROUTES = [(r"/api/ops/simulate/?", SimulationHandler)]
