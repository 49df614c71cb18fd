"""Letters as the flows and people write them, one a kind of mail: for previews and pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tasks.letter import Letter, Party

PICTURES = "https://images.savenbite.example/"
BAKERY = Party(id=UUID("b0510000-0000-4000-8000-000000000001"), name="Sunrise Bakery", logo=None)
GROCER = Party(
    id=UUID("b0510000-0000-4000-8000-000000000002"),
    name="Kalk Bay Greens",
    logo=PICTURES + "greens.svg",
)


def _button(text: str, url: str) -> dict[str, Any]:
    return {"text": text, "action": "open", "url": url}


_LISTING = {
    "title": "Sourdough loaves at Sunrise Bakery",
    "message": "Sunrise Bakery just posted Sourdough loaves for R25.00. "
    "Collect at 12 Long Street, Cape Town.",
    "data": {
        "listing_id": "770g8400",
        "listing_name": "Sourdough loaves",
        "price": "25.00",
        "currency": "ZAR",
        "expiry_date": "2026-11-26T18:00:00Z",
        "pickup_location": "12 Long Street, Cape Town",
        "deep_link": "savenbiteguild://listing/770g8400",
    },
    "action_buttons": [
        _button("View Details", "/listings/770g8400"),
        {"text": "Add to Cart", "action": "add_to_cart", "listing_id": "770g8400"},
    ],
    "image_url": PICTURES + "bread.svg",
    "business": BAKERY,
    "sender_name": "Nomsa Dlamini",
}

_PICKUP = {
    "priority": "critical",
    "title": "Pickup in one hour",
    "message": "Your order SNB-2041 waits for you at Kalk Bay Greens.",
    "data": {
        "interaction_id": "int-2041",
        "order_number": "SNB-2041",
        "pickup_time": "2026-11-26T15:30:00Z",
        "pickup_location": "8 Main Road, Kalk Bay",
        "contact_person": "Ayesha Jacobs",
        "contact_phone": "+27 21 555 0148",
        "confirmation_code": "K7-394Q",
        "items": [{"name": "Vegetable box", "quantity": 2}, {"name": "Apples, 1 kg"}],
        "total_amount": "145.50",
    },
    "action_buttons": [
        _button("Get directions", "https://maps.example/?q=8+Main+Road+Kalk+Bay"),
        _button("View order", "/orders/SNB-2041"),
    ],
    "business": GROCER,
}

_REVIEW = {
    "recipient_name": "Nomsa Dlamini",
    "title": "New review for Sunrise Bakery",
    "message": "Sunrise Bakery got 4 stars. \N{LEFT DOUBLE QUOTATION MARK}Still warm at seven in "
    "the evening, and twice as much as I had hoped for. The queue was long."
    "\N{RIGHT DOUBLE QUOTATION MARK}",
    "data": {"review_id": "rev-88", "rating": 4},
    "action_buttons": [_button("View Review", "/reviews/rev-88")],
    "business": BAKERY,
    "sender_name": "Thandi Nkosi",
}

_ANNOUNCEMENT = {
    "title": "We are in Durban from December",
    "message": "From 1 December you can collect food in Durban, Umhlanga and Pinetown.\n\n"
    "Forty-two bakeries, grocers and restaurants are with us from the first day. Follow those near "
    "you, and you hear of what they have left over before anybody else.",
    "action_buttons": [_button("See who is there", "/businesses?city=durban")],
}

_OFFER = {
    "title": "Half the price on Friday evenings",
    "message": "Every Friday from 18:00 all bread and pastry at Sunrise Bakery costs half.",
    "data": {
        "price": "12.50",
        "promo_code": "FRIDAY50",
        "expiry_date": "2026-12-18T18:00:00Z",
    },
    "action_buttons": [_button("Find some near you", "/listings?tag=friday")],
    "image_url": PICTURES + "bread.svg",
    "business": BAKERY,
}

_WELCOME = {
    "title": "Welcome to Save n Bite",
    "message": "Your account is ready. You find food that is too good to throw away, at the "
    "businesses around you.",
    "data": {"user_type": "customer"},
    "action_buttons": [_button("Find food near you", "/listings")],
}

_VERIFICATION = {
    "recipient_name": "Masakhane Community Kitchen",
    "title": "Your account is verified",
    "message": "Thank you for your patience. From now on you can reserve food as an organisation.",
    "data": {"status": "verified", "reason": "NPO certificate 214-887 was checked"},
    "action_buttons": [_button("Open Save n Bite", "/")],
}

_DIGEST = {
    "title": "Your week at Save n Bite",
    "message": "Here is what you may have missed this week.",
    "data": {
        "listings": [
            {
                "listing_name": "Sourdough loaves",
                "business_name": "Sunrise Bakery",
                "price": "25.00",
                "expiry_date": "2026-11-30T18:00:00Z",
            },
            {
                "listing_name": "Vegetable box for a family of four",
                "business_name": "Kalk Bay Greens",
                "price": "89.90",
                "expiry_date": "2026-12-01T15:00:00Z",
            },
            {
                "listing_name": "Samoosas, a dozen",
                "business_name": "Bo-Kaap Kitchen",
                "price": "1040.00",
                "expiry_date": "2026-12-01T17:30:00Z",
            },
        ],
        "offers": 5,
        "unread_count": 4,
        "missed_pickups": 1,
        "unread_reminders": 0,
    },
    "action_buttons": [_button("See everything", "/listings")],
}

_DIRECT = {
    "title": "Order SNB-2041 is confirmed",
    "message": "Kalk Bay Greens has put your order aside. You can collect it tomorrow from 16:00.",
    "data": {"deep_link": "savenbiteguild://order/SNB-2041"},
    "business": GROCER,
}

SAMPLES: dict[str, dict[str, Any]] = {
    "new_listing": _LISTING,
    "pickup_reminder": _PICKUP,
    "review_received": _REVIEW,
    "system_announcement": _ANNOUNCEMENT,
    "promotional": _OFFER,
    "welcome": _WELCOME,
    "verification_status": _VERIFICATION,
    "weekly_digest": _DIGEST,
    "interaction_confirmed": _DIRECT,
}
"""Kind -> what is particular to its letter; the last one has no template of its own."""

_SAMPLES_OF = {"notification": "interaction_confirmed"}
_DEFAULT = "system_announcement"


def sample(kind: str, **changes: Any) -> Letter:
    """Return the letter of `kind`."""
    values: dict[str, Any] = {
        "notification_id": UUID("01a21781-46f5-71af-9b22-c10acde4cc39"),
        "recipient_id": UUID("c0510000-0000-4000-8000-000000000001"),
        "recipient_name": "Thandi Nkosi",
        "locale": "en",
        "timezone": "Africa/Johannesburg",
        "kind": kind,
        "priority": "normal",
        "data": {},
        "action_buttons": [],
        "image_url": None,
        "business": None,
        "sender_name": None,
        "created_at": datetime(2026, 11, 26, 12, tzinfo=UTC),
        "unread_count": 3,
    }
    return Letter(**(values | SAMPLES[kind] | changes))


def sample_of(template: str) -> Letter:
    """Return a letter to try `template` with: of its kind, or an announcement."""
    kind = _SAMPLES_OF.get(template, template)
    return sample(kind if kind in SAMPLES else _DEFAULT)
