"""By which doors providers come in: one for each that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from config.settings import Settings
from server.webhooks.feedback_intake import FeedbackIntake
from server.webhooks.sns import SnsTopic, topic_of
from server.webhooks.twilio import TwilioAccount, account_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What handlers of webhooks are given; None where a provider is not connected."""

    topic: SnsTopic | None
    account: TwilioAccount | None
    intake: FeedbackIntake


def open_doors(settings: Settings, intake: FeedbackIntake, stack: AsyncExitStack) -> Doors:
    """Return those that there are; `stack` gives their connections back."""
    topic = topic_of(settings.email)
    if topic is not None:
        stack.callback(topic.close)
    return Doors(topic=topic, account=account_of(settings), intake=intake)
