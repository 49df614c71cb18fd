"""What `run.py all` shows in development once the service is ready."""

from __future__ import annotations

import json
from datetime import timedelta

from config.settings import Settings
from server.auth import UserType
from server.demo import DEMO_BUSINESSES, DEMO_SERVICE_ID, DEMO_USERS, DemoUser
from server.probe import local_url
from server.tokens import mint

BANNER_TOKEN_VALIDITY = timedelta(days=7)


def banner(settings: Settings) -> str:
    """Return the page's URL, tokens to try things with, and the curl lines that use them."""
    customer = next(user for user in DEMO_USERS if user.user_type is UserType.CUSTOMER)
    provider = next(user for user in DEMO_USERS if user.user_type is UserType.PROVIDER)
    service = mint(settings, DEMO_SERVICE_ID, UserType.SERVICE, valid_for=BANNER_TOKEN_VALIDITY)
    url = local_url(settings)
    listing = {
        "id": "my-first-listing",
        "type": "listing.created",
        "occurred_at": "2026-01-06T15:00:00Z",
        "data": {
            "listing_id": "my-first-listing",
            "business_id": str(DEMO_BUSINESSES[0].id),
            "name": "Sourdough loaves",
            "price": 25,
            "expiry_date": "2030-01-06T18:00:00Z",
            "pickup_location": DEMO_BUSINESSES[0].address,
        },
    }
    return "\n".join(
        [
            "",
            f"  Save n Bite notifications are ready: {url}/",
            "",
            f"  CUSTOMER={_token(settings, customer)}   # {customer.name}",
            f"  PROVIDER={_token(settings, provider)}   # {provider.name}",
            f"  SERVICE={service}   # the platform",
            "",
            "  # post a listing of a business that the customer follows, then read the inbox",
            f'  curl -s {url}/api/internal/events/ -H "Authorization: Bearer $SERVICE" \\',
            f"    -H 'Content-Type: application/json' -d '{json.dumps(listing)}'",
            f'  curl -s {url}/api/notifications/ -H "Authorization: Bearer $CUSTOMER"',
            "",
            "  Ctrl-C stops everything.",
            "",
        ]
    )


def _token(settings: Settings, user: DemoUser) -> str:
    return mint(
        settings,
        user.id,
        user.user_type,
        name=user.name,
        business_id=user.business_id,
        valid_for=BANNER_TOKEN_VALIDITY,
    )
