"""Uses of the deliveries by those that tell what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.feedback import Feedback, FeedbackEvent
from storage.delivery_feedback import Addressed, DeliveryFeedback
from tests.storage.filled.asked import DEAD_ROWS, DEAD_USERS, LATER
from tests.storage.filled.notifications import told_of
from tests.storage.samples import NOON
from tests.storage.uses.use import Use

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

TOLD = Feedback(event=FeedbackEvent.DELIVERED, provider_message_id="SM3", at=NOON)


def untold_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    state = {"status": "dead", "filed": {"under": "dead", "at": NOON}, **told_of(3)}
    return database["notifications"].update_one(
        {"_id": DEAD_ROWS[3]}, {"$set": {"channels.sms": state}}
    )


def told(about: Addressed, *indexes: str) -> Iterator[Use]:
    yield Use(
        DeliveryFeedback.recipient_of,
        lambda stores: stores.delivery_feedback.recipient_of(about, TOLD),
        indexes,
        untold_again,
    )
    yield Use(
        DeliveryFeedback.take_in,
        lambda stores: stores.delivery_feedback.take_in(about, TOLD, at=LATER),
        indexes,
        untold_again,
    )


USES = [
    *told(Addressed(channel="sms"), "message_sms"),
    *told(Addressed(channel="sms", notification_id=DEAD_ROWS[3])),
    *told(Addressed(channel="sms", notification_id=DEAD_ROWS[3], recipient_id=DEAD_USERS[3])),
]
