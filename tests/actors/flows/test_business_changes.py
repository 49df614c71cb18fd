"""What followers are told of a changed business."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from actors.flows.business_changes import NAMELESS, changed_business
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from storage.businesses import Business

LOGO = "https://img.example/new.png"


def a_business(name: str = "Corner Bakery") -> Business:
    return Business(
        id=UUID(int=1),
        owner_id=UUID(int=2),
        name=name,
        logo=None,
        address=None,
        rating=None,
        followers_count=0,
    )


def change(before: Any, now: Any) -> dict[str, Any]:
    return {"before": before, "now": now}


RENAMED = change("Mario's", "Luigi's")
MOVED = change("1 Long Street", "2 Long Street")


@pytest.mark.parametrize(
    ("changes", "title", "message"),
    [
        ({"name": RENAMED}, "Mario's is now Luigi's", "Mario's is now Luigi's."),
        (
            {"address": MOVED},
            "Corner Bakery has a new address",
            "You find Corner Bakery at 2 Long Street.",
        ),
        (
            {"rating": change(4.5, 4.6)},
            "Corner Bakery has a new rating",
            "Corner Bakery is now rated 4.6 of 5.",
        ),
        (
            {"logo": change(None, LOGO)},
            "Corner Bakery has a new logo",
            "Corner Bakery has a new logo.",
        ),
        (
            {"address": MOVED, "name": RENAMED},
            "News from Luigi's",
            "Mario's is now Luigi's. You find Luigi's at 2 Long Street.",
        ),
    ],
)
def test_followers_are_told_what_is_new(changes: Any, title: str, message: str) -> None:
    content = changed_business(changes, a_business())
    assert (content.kind.name, content.title, content.message) == (
        "business_update",
        title,
        message,
    )
    assert content.data == {
        "business_id": str(UUID(int=1)),
        "changes": {name: each["now"] for name, each in changes.items()},
        "deep_link": f"savenbiteguild://business/{UUID(int=1)}",
    }
    assert (content.business_id, content.sender_id) == (UUID(int=1), UUID(int=2))
    assert content.image_url == (LOGO if "logo" in changes else None)


def test_a_business_whose_name_is_not_known_is_told_of_all_the_same() -> None:
    content = changed_business({"address": MOVED}, a_business(name=""))
    assert content.title == f"{NAMELESS} has a new address"


def test_long_names_are_cut_to_the_content_limits() -> None:
    changes = {"name": change("o" * 200, "n" * 200), "address": change(None, "a" * 500)}
    content = changed_business(changes, a_business())
    assert len(content.title) <= TITLE_LIMIT
    assert len(content.message) <= MESSAGE_LIMIT
