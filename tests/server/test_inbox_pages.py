"""The inbox page by page (contract section 2.1)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from server.service import Service
from tests.server.inboxes import INBOX, keep_unread, listed
from tests.support.api import Api
from tests.support.world import Person


@pytest.mark.parametrize("count", [1, 5, 6, 7])
async def test_pages_hold_each_notification_once_and_links_lead_through_them(
    api: Api, service: Service, person: Person, count: int
) -> None:
    ids = await keep_unread(service, person, count)
    url: str | None = f"{INBOX}?page_size=3"
    seen: list[str] = []
    pages = 0
    while url is not None:
        answer = await api.get(url, person.token)
        assert answer.body["count"] == count
        seen += [row["id"] for row in answer.body["results"]]
        url, pages = answer.body["next"], pages + 1
    assert seen == ids[::-1]
    assert pages == -(-count // 3)


async def test_the_first_page_has_twenty(api: Api, service: Service, person: Person) -> None:
    ids = await keep_unread(service, person, 21)
    assert await listed(api, person) == ids[:0:-1]


@pytest.mark.parametrize(
    ("page", "previous", "following"), [(1, None, 2), (2, 1, 3), (3, 2, None), (9, 3, None)]
)
async def test_links_are_absolute_and_keep_the_filters(
    api: Api,
    service: Service,
    person: Person,
    page: int,
    previous: int | None,
    following: int | None,
) -> None:
    """Of three pages; past the end, the way back leads to the last one."""
    await keep_unread(service, person, 5)
    filters = {
        "is_read": "false",
        "notification_type": "new_listing",
        "date_from": "2025-11-01",
        "page_size": "2",
    }
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    answer = await api.get(f"{INBOX}?page={page}&{query}", person.token)
    assert answer.body["count"] == 5
    for name, number in (("previous", previous), ("next", following)):
        link = answer.body[name]
        if number is None:
            assert link is None
            continue
        parts = urlsplit(link)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{api.base_url}{INBOX}"
        asked = {key: values for key, (values,) in parse_qs(parts.query).items()}
        assert asked == filters | {"page": str(number)}


@pytest.mark.parametrize("page", [2, 100_001, 2**63, 10**30])
async def test_a_page_past_the_end_is_empty(
    api: Api, service: Service, person: Person, page: int
) -> None:
    await keep_unread(service, person, 3)
    answer = await api.get(f"{INBOX}?page={page}", person.token)
    assert answer.status == 200
    assert (answer.body["count"], answer.body["results"]) == (3, [])
    assert answer.body["next"] is None
    assert answer.body["previous"] == f"{api.base_url}{INBOX}?page=1"


async def test_a_page_may_hold_a_hundred(api: Api, service: Service, person: Person) -> None:
    ids = await keep_unread(service, person, 101)
    assert await listed(api, person, "?page_size=100") == ids[:0:-1]


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=two",
        "page=1.5",
        "page=",
        "page=1e9",
        "page_size=0",
        "page_size=101",
        "page_size=-5",
        "page_size=all",
        "is_read=1",
        "is_read=True",
        "is_read=",
        "notification_type=newlisting",
        "notification_type=",
        "date_from=yesterday",
        "date_from=22-11-2025",
        "date_to=2025-02-30",
        "date_to=2025-11-22T12:00:00Z",
        "date_to=",
    ],
)
async def test_a_bad_parameter_is_400_and_named(api: Api, person: Person, query: str) -> None:
    answer = await api.get(f"{INBOX}?{query}", person.token)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer.error["details"]) == [query.partition("=")[0]]


async def test_all_bad_parameters_are_named_at_once(api: Api, person: Person) -> None:
    answer = await api.get(f"{INBOX}?page=0&page_size=0&is_read=maybe", person.token)
    assert set(answer.error["details"]) == {"page", "page_size", "is_read"}


async def test_a_parameter_that_is_no_text_is_400(api: Api, person: Person) -> None:
    answer = await api.get(f"{INBOX}?is_read=%ff", person.token)
    assert answer.status == 400


async def test_parameters_of_somebody_else_are_passed_over(api: Api, person: Person) -> None:
    answer = await api.get(f"{INBOX}?utm_source=mail&page=1", person.token)
    assert answer.status == 200


@pytest.mark.parametrize("page", ["?is_read=true&is_read=false", "?page=7&page=1"])
async def test_of_a_repeated_parameter_the_last_one_counts(
    api: Api, service: Service, person: Person, page: str
) -> None:
    ids = await keep_unread(service, person, 1)
    assert await listed(api, person, page) == ids
