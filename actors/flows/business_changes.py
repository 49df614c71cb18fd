"""`business_profile.changed`: tell followers what is new about a business (contract section 3)."""

from __future__ import annotations

from typing import Any

from actors.flows.content import Content
from actors.flows.fan_out import BusinessFlow
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.kinds import KINDS
from rules.text import shorten
from storage.businesses import Business
from storage.events import StoredEvent

CHANGED = "business_profile.changed"

NAMELESS = "A business you follow"


class BusinessProfileChanged(BusinessFlow):
    """Plan the fan-out of a change."""

    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what is new."""
        return changed_business(event.data["changes"], business)


def changed_business(changes: dict[str, dict[str, Any]], business: Business) -> Content:
    """Return what followers are told of `changes`, `{field: {"before", "now"}}`, one at least."""
    now = {name: change["now"] for name, change in changes.items()}
    called = now.get("name") or business.name or NAMELESS
    titles = {
        "name": f"{changes['name']['before']} is now {called}" if "name" in changes else "",
        "address": f"{called} has a new address",
        "rating": f"{called} has a new rating",
        "logo": f"{called} has a new logo",
    }
    sentences = {
        "name": f"{titles['name']}.",
        "address": f"You find {called} at {now.get('address')}.",
        "rating": f"{called} is now rated {now.get('rating', 0):.1f} of 5.",
        "logo": f"{called} has a new logo.",
    }
    fields = [name for name in titles if name in changes]
    title = titles[fields[0]] if len(fields) == 1 else f"News from {called}"
    return Content(
        kind=KINDS["business_update"],
        title=shorten(title, TITLE_LIMIT),
        message=shorten(" ".join(sentences[name] for name in fields), MESSAGE_LIMIT),
        data={
            "business_id": str(business.id),
            "changes": now,
            "deep_link": f"savenbiteguild://business/{business.id}",
        },
        image_url=now.get("logo"),
        business_id=business.id,
        sender_id=business.owner_id,
    )
