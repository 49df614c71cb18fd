from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.emails.formats import Formats, given, listed, stars, text

EVENING = "2026-11-26T18:00:00Z"


@pytest.mark.parametrize(
    ("language", "timezone", "value", "shown"),
    [
        ("en", "Africa/Johannesburg", EVENING, "26 November 2026, 20:00"),
        ("af", "Africa/Johannesburg", "2026-10-01T05:30:00+02:00", "1 Oktober 2026, 05:30"),
        ("zu", "Africa/Johannesburg", EVENING, "26 Novemba 2026, 20:00"),
        ("en", "America/New_York", EVENING, "26 November 2026, 13:00"),
        ("en", "Nowhere/At_All", EVENING, "26 November 2026, 20:00"),
        ("en", "UTC", "2026-11-26T18:00:00", "26 November 2026, 18:00"),
        ("en", "UTC", "2026-11-26", "26 November 2026, 00:00"),
        ("en", "UTC", datetime(2026, 11, 26, 18, tzinfo=UTC), "26 November 2026, 18:00"),
        ("en", "UTC", "tomorrow at six", "tomorrow at six"),
        ("en", "Pacific/Kiritimati", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("en", "UTC", "", None),
        ("en", "UTC", None, None),
        ("en", "UTC", 1_800_000_000, None),
        ("en", "UTC", {"at": EVENING}, None),
    ],
)
def test_a_time_is_that_of_the_recipient(
    language: str, timezone: str, value: Any, shown: str | None
) -> None:
    assert Formats(language, timezone).date(value) == shown


@pytest.mark.parametrize(
    ("language", "value", "currency", "shown"),
    [
        ("en", "25.00", "ZAR", "R25.00"),
        ("en", "1250.5", "ZAR", "R1,250.50"),
        ("en", 25, None, "R25.00"),
        ("en", 25.5, "", "R25.50"),
        ("en", "25", "USD", "US$25.00"),
        ("en", "25", "XXY", "XXY25.00"),
        ("af", "1250.50", "ZAR", "R1\N{NO-BREAK SPACE}250,50"),
        ("zu", "1250.50", "ZAR", "R1,250.50"),
        ("en", "free", "ZAR", "free"),
        ("en", "NaN", "ZAR", "NaN"),
        ("en", "1e400", "ZAR", "1e400"),
        ("en", "1e-400", "ZAR", "1e-400"),
        ("en", "0", "ZAR", "R0.00"),
        ("en", "25", 7, "R25.00"),
        ("en", True, "ZAR", None),
        ("en", None, "ZAR", None),
        ("en", ["25"], "ZAR", None),
    ],
)
def test_money_is_written_as_the_language_has_it(
    language: str, value: Any, currency: Any, shown: str | None
) -> None:
    assert Formats(language, "UTC").money(value, currency) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\r\n b", "a b"),
        ("  ", None),
        ("x" * 400, "x" * 299 + "…"),
        (7, "7"),
        (4.5, "4.5"),
        (float("inf"), "inf"),
        (True, None),
        (None, None),
        ({}, None),
    ],
)
def test_a_text_is_one_line(value: Any, shown: str | None) -> None:
    assert text(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (4, "★★★★☆"),
        (4.6, "★★★★★"),
        (1, "★☆☆☆☆"),
        (0, None),
        (6, None),
        (True, None),
        (float("nan"), None),
        ("4", None),
    ],
)
def test_a_rating_is_so_many_stars(value: Any, shown: str | None) -> None:
    assert stars(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            [{"name": "Bread", "quantity": 2}, {"name": "Milk"}, "Eggs"],
            "2 \N{MULTIPLICATION SIGN} Bread, Milk, Eggs",
        ),
        ([{"quantity": 2}, None, []], None),
        ("Bread and milk", "Bread and milk"),
        (3, "3"),
        ([], None),
        (["x"] * 30, ", ".join(["x"] * 20)),
    ],
)
def test_items_are_listed(value: Any, shown: str | None) -> None:
    assert listed(value) == shown


def test_what_has_no_value_is_left_out() -> None:
    assert given([("Price", "R25.00"), ("Until", None), ("At", "")]) == [("Price", "R25.00")]
