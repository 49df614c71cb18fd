"""Tell when a campaign is to pause by itself: its mails bounce, or people complain of them.

Providers suspend who sends on (Amazon's reviews begin at 5 % bounces and 0.1 % complaints).
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BOUNCED = 0.04
MOST_COMPLAINED = 0.001

FEWEST_SENT = 100
"""Mails that say anything about the rest."""

FEWEST_COMPLAINTS = 2
"""One may be a slip of the finger, and is over the rate in each sample of less than a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mails:
    """What became of mails that a provider took."""

    sent: int = 0
    """All of them, whatever became of them."""

    bounced: int = 0
    complained: int = 0

    def since(self, before: Mails) -> Mails:
        """Return what came after `before`."""
        return Mails(
            sent=self.sent - before.sent,
            bounced=self.bounced - before.bounced,
            complained=self.complained - before.complained,
        )


def is_suspicious(mails: Mails) -> bool:
    """Tell whether there may be a reason to pause, depending on how many were sent."""
    return mails.bounced >= FEWEST_SENT * MOST_BOUNCED or mails.complained >= FEWEST_COMPLAINTS


def reason_to_pause(mails: Mails) -> str | None:
    """Return the reason for which a campaign is to pause, None when there is none."""
    if mails.sent < FEWEST_SENT:
        return None
    if mails.bounced >= MOST_BOUNCED * mails.sent:
        return f"{mails.bounced} of {mails.sent} emails bounced"
    if mails.complained >= FEWEST_COMPLAINTS and mails.complained >= MOST_COMPLAINED * mails.sent:
        return f"{mails.complained} of {mails.sent} emails were complained of"
    return None
