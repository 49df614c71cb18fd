"""Tell a batch of recipients, whoever of them cannot be told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from actors.flows.fan_out import FanOut
from actors.publisher import Publisher
from rules.recipients import Recipient
from storage.client import StoreUnavailable
from storage.events import Fenced, StoredEvent
from storage.notification_rows import NotificationRow

FAIL_IN_A_ROW = 3
"""When as many fail and nobody of the batch has been told, it is not for what they are."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Told:
    """What came of the recipients of a batch."""

    rows: list[NotificationRow] = field(default_factory=list)
    failed: list[Recipient] = field(default_factory=list)
    store_s: float = 0.0


async def tell(
    publisher: Publisher, event: StoredEvent, fan_out: FanOut, recipients: Sequence[Recipient]
) -> Told:
    """Tell `recipients` together or, when that fails, in halves, down to who it is.

    Raises what went wrong when it is nobody in particular.
    """
    told = Told()
    left = [recipients]
    while left:
        some = left.pop()
        try:
            began = time.monotonic()
            notices = await fan_out.notices(event, some)
            told.store_s += time.monotonic() - began
            published = await publisher.publish(notices)
        except (StoreUnavailable, Fenced):
            raise
        except Exception:
            # The boundary of a recipient: logged, or raised when it is nobody in particular.
            if len(some) > 1:
                middle = len(some) // 2
                left += [some[middle:], some[:middle]]
                continue
            told.failed += some
            is_last = not left
            if not told.rows and (is_last or len(told.failed) == FAIL_IN_A_ROW):
                raise
            log.exception("recipient_failed", event_key=str(event.key))
        else:
            told.rows += published.rows
            told.store_s += published.store_s
    return told
