"""What became of every email, push and SMS, and having it tried again (contract section 2.6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rules.deliveries import RETRIED, SENDING_CHANNELS
from server.auth import ADMINS
from server.handlers.audited import AuditedHandler
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.paging import listing
from server.schemas.deliveries import (
    BULK_RETRY,
    DELIVERIES_QUERY,
    Deliveries,
    Delivery,
    Retried,
)
from server.views import delivery_record
from storage.delivery_records import DeliveryFilter, DeliveryNotRetried

DELIVERY = rf"({UUID_PATTERN[1:-1]}:(?:{'|'.join(SENDING_CHANNELS)}))"
"""`<notification id>:<channel>`."""

RETRIED_AT_ONCE = 1_000
"""As many as workers send in a minute or so; who has more to retry asks again."""


class DeliveriesHandler(ApiHandler):
    """`GET /api/ops/deliveries/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=DELIVERIES_QUERY, answers={200: Deliveries})}

    async def get(self) -> None:
        """List emails, pushes and SMS of everybody, those of the newest notifications first."""
        asked = self.query()
        page = await self.service.stores.delivery_records.page(
            _filter(asked), page=asked["page"], page_size=asked["page_size"]
        )
        self.answer(
            listing(
                url=self.service.url("/api/ops/deliveries/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=[delivery_record(record) for record in page.records],
            )
        )


class RetryHandler(AuditedHandler):
    """`POST /api/ops/deliveries/{id}/retry/`."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(answers={200: Delivery}, refusals=(409,))}

    async def post(self, delivery_id: str) -> None:
        """Have what failed, died or bounced sent again, with all its attempts before it."""
        notification_id, _, channel = delivery_id.partition(":")
        records = self.service.stores.delivery_records
        record = await records.get(UUID(notification_id), channel)
        if record.status not in RETRIED:
            raise DeliveryNotRetried(record)
        await self.put_on_record("delivery.retry", record.id, status=record.status)
        is_retried = await records.retry([record], at=self.service.clock.store_now())
        stands = await records.get(record.notification_id, channel)
        if not is_retried:
            raise DeliveryNotRetried(stands)
        self.answer(delivery_record(stands))


class BulkRetryHandler(AuditedHandler):
    """`POST /api/ops/deliveries/retry/`."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(body=BULK_RETRY, answers={200: Retried})}

    async def post(self) -> None:
        """Have the newest 1,000 that match and failed, died or bounced sent again."""
        asked = self.json_body()
        records = self.service.stores.delivery_records
        found = await records.newest(_filter(asked, RETRIED), limit=RETRIED_AT_ONCE + 1)
        wanted = found[:RETRIED_AT_ONCE]
        shown = {name: str(value) for name, value in asked.items()}
        await self.put_on_record("delivery.retry_all", "deliveries", **shown, found=len(wanted))
        retried = await records.retry(wanted, at=self.service.clock.store_now())
        self.answer(
            {
                "message": f"{retried} deliveries will be sent again",
                "retried_count": retried,
                "has_more": len(found) > len(wanted),
            }
        )


def _filter(asked: dict[str, Any], statuses: frozenset[str] | None = None) -> DeliveryFilter:
    """Return the filter of `asked`; where no status is, it is of `statuses`, None for all."""
    named: dict[str, Any] = {} if statuses is None else {"statuses": sorted(statuses)}
    if "status" in asked:
        named["statuses"] = [asked["status"]]
    return DeliveryFilter(channel=asked.get("channel"), user_id=asked.get("user_id"), **named)


ROUTES = [
    (r"/api/ops/deliveries/?", DeliveriesHandler),
    (r"/api/ops/deliveries/retry/?", BulkRetryHandler),
    (rf"/api/ops/deliveries/{DELIVERY}/retry/?", RetryHandler),
]
