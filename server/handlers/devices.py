"""The devices that push reaches somebody on (contract section 2.4)."""

from __future__ import annotations

from uuid import UUID

from server.auth import INBOX_OWNERS
from server.errors import NotFound
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.paging import listing
from server.schemas.answer import Done
from server.schemas.devices import DEVICE, DEVICES_QUERY, Device, Devices
from server.views import device_record


class DevicesHandler(ApiHandler):
    """`GET` and `POST /api/devices/`."""

    roles = {"GET": INBOX_OWNERS, "POST": INBOX_OWNERS}
    operations = {
        "GET": Operation(query=DEVICES_QUERY, answers={200: Devices}),
        "POST": Operation(body=DEVICE, answers={200: Device, 201: Device}),
    }

    async def get(self) -> None:
        """List the caller's devices, newest first."""
        asked = self.query()
        page, page_size = asked["page"], asked["page_size"]
        devices = await self.service.stores.devices.owned(self.principal.user_id)
        first = (page - 1) * page_size
        self.answer(
            listing(
                url=self.service.url("/api/devices/"),
                query=self.asked_with(),
                page=page,
                page_size=page_size,
                count=len(devices),
                results=[device_record(each) for each in devices[first : first + page_size]],
            )
        )

    async def post(self) -> None:
        """Register the device that a token addresses; it leaves whoever had it."""
        described = self.json_body()
        token = described.pop("device_token")
        device, is_new = await self.service.stores.devices.register(
            self.principal.user_id,
            token,
            described,
            user_type=self.principal.user_type.value,
            at=self.service.clock.store_now(),
        )
        self.answer(device_record(device), status=201 if is_new else 200)


class DeviceHandler(ApiHandler):
    """`DELETE /api/devices/{id}/`."""

    roles = {"DELETE": INBOX_OWNERS}
    operations = {"DELETE": Operation(answers={200: Done})}

    async def delete(self, device_id: str) -> None:
        """Remove one of the caller's devices."""
        if not await self.service.stores.devices.remove(self.principal.user_id, UUID(device_id)):
            raise NotFound("No such device")
        self.answer({"message": "Device deleted successfully"})


ROUTES = [
    (r"/api/devices/?", DevicesHandler),
    (rf"/api/devices/{UUID_PATTERN}/?", DeviceHandler),
]
