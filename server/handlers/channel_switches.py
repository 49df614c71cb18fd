"""Stop sending on a channel, and go on (contract section 2.6)."""

from __future__ import annotations

from rules.deliveries import SENDING_CHANNELS
from server.auth import ADMINS
from server.handlers.audited import AuditedHandler
from server.operation import Operation
from server.schemas.channel_switches import ChannelSwitchSchema
from server.views import channel_switch_record

SENDING = f"({'|'.join(SENDING_CHANNELS)})"


class _SwitchHandler(AuditedHandler):
    """Base of the two."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(answers={200: ChannelSwitchSchema})}

    async def switch(self, channel: str, *, is_paused: bool) -> None:
        """Switch the channel and answer how it stands."""
        await self.put_on_record("channel.pause" if is_paused else "channel.resume", channel)
        switched = await self.service.stores.channels.switch(
            channel,
            is_paused=is_paused,
            by=self.principal.user_id,
            at=self.service.clock.store_now(),
        )
        self.answer(channel_switch_record(switched))


class PauseHandler(_SwitchHandler):
    """`POST /api/ops/channels/{channel}/pause/`."""

    async def post(self, channel: str) -> None:
        """Stop sending on a channel within seconds; what is to be sent on it waits."""
        await self.switch(channel, is_paused=True)


class ResumeHandler(_SwitchHandler):
    """`POST /api/ops/channels/{channel}/resume/`."""

    async def post(self, channel: str) -> None:
        """Send on a channel again, beginning with what waits."""
        await self.switch(channel, is_paused=False)


ROUTES = [
    (rf"/api/ops/channels/{SENDING}/pause/?", PauseHandler),
    (rf"/api/ops/channels/{SENDING}/resume/?", ResumeHandler),
]
