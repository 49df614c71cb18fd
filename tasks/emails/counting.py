"""Have the buttons of a mail lead by way of us, so that it is known that they were followed.

Only what leads to the web does. A link into the app opens the app, which tells of it by itself; and
what is about leaving, or about preferences, is nobody's business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage.click_links import ClickLink
from tasks.emails.links import LONGEST, Links

if TYPE_CHECKING:
    from storage.click_links import ClickLinks
    from tasks.letter import Letter

_WEB = ("http://", "https://")


class CountedButtons:
    """Rewrites letters, before a template sees them."""

    def __init__(self, clicks: ClickLinks, public_url: str) -> None:
        self._clicks = clicks
        self._links = Links(public_url)

    def counted(self, letter: Letter) -> Letter:
        """Return `letter` with buttons whose being followed counts as a click of its notification.

        A button that leads nowhere, or so far that its link would be too long, stays as it is.
        """
        buttons = [self._button(letter, button) for button in letter.action_buttons]
        return replace(letter, action_buttons=buttons)

    def _button(self, letter: Letter, button: dict[str, Any]) -> dict[str, Any]:
        target = self._links.action(button.get("url"))
        if target is None or not target.lower().startswith(_WEB):
            return button
        link = ClickLink(letter.recipient_id, letter.notification_id, target)
        address = self._clicks.address(link)
        return button if len(address) > LONGEST else button | {"url": address}
