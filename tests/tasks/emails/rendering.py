"""Mails as the shipped templates make them, and what a reader sees of one."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from tasks.emails.compiling import TemplateCompiler
from tasks.emails.rendered import Rendered
from tasks.emails.templates import FileTemplates
from tests.tasks.letters import letter

PUBLIC_URL = "https://savenbite.example"
LEAVE = "https://savenbite.example/unsubscribe/token/"
TEMPLATES = FileTemplates(PUBLIC_URL)
COMPILER = TemplateCompiler()
SHIPPED = COMPILER.shipped
NAMES = sorted(SHIPPED.names)

FULL = {
    "listing_name": "Sourdough loaves",
    "price": "25.00",
    "currency": "ZAR",
    "expiry_date": "2026-11-26T18:00:00Z",
    "pickup_location": "12 Long Street",
    "pickup_time": "2026-11-26T15:30:00Z",
    "order_number": "SNB-2041",
    "confirmation_code": "K7-394Q",
    "contact_person": "Ayesha Jacobs",
    "contact_phone": "+27 21 555 0148",
    "items": [{"name": "Bread", "quantity": 2}],
    "total_amount": "145.50",
    "rating": 4,
    "status": "verified",
    "reason": "All papers were there",
    "promo_code": "FRIDAY50",
    "user_type": "customer",
    "listings": [
        {"listing_name": "Samoosas", "business_name": "Bo-Kaap", "price": "40", "expiry_date": "?"}
    ],
    "offers": 4,
    "unread_count": 7,
    "missed_pickups": 1,
    "unread_reminders": 2,
}
"""Every key that a template shows."""


async def rendered(**changes: Any) -> Rendered:
    return await TEMPLATES.render(letter(**changes), unsubscribe_url=LEAVE)


class Page(HTMLParser):
    """What a reader's program makes of the HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, attribute: str) -> list[str | None]:
        return [attributes.get(attribute) for name, attributes in self.tags if name == tag]
