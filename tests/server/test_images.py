"""Pictures are uploaded by a form, looked at, and shown (contract section 2.6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse

from rules.images import KEPT_FOR, KEPT_IN_TEMPLATES_FOR, LARGEST_BYTES, UPLOADS_A_DAY
from server.service import Service
from tests.support.api import Api, token
from tests.support.forms import CONTENT_TYPE, multipart
from tests.support.service import running
from tests.support.world import World

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 92
JPEG = b"\xff\xd8\xff\xe0" + b"j" * 96
WEBP = b"RIFF\x5c\x00\x00\x00WEBP" + b"w" * 88
PICTURES = {"image/png": PNG, "image/jpeg": JPEG, "image/webp": WEBP}


@pytest.fixture(scope="module")
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Run one server process that keeps its files among those of the tests."""
    data_dir = str(tmp_path_factory.mktemp("data"))
    async with running(mongodb_uri, redis_url, database_name, SNB_DATA_DIR=data_dir) as started:
        yield started


@pytest.fixture
def admin() -> str:
    return token(user_type="admin")


async def announced(api: Api, bearer: str, **changes: Any) -> Any:
    body = {"content_type": "image/png", "size_bytes": len(PNG), **changes}
    answer = await api.post("/api/images/", bearer, body)
    assert answer.status == 201, answer.body
    return answer.body


async def sent_form(
    api: Api, form: Any, content: bytes | None, *, fields: dict[str, str] | None = None
) -> HTTPResponse:
    given = form["fields"] if fields is None else fields
    return await api.fetch(
        HTTPRequest(
            form["upload_url"],
            method=form["method"],
            body=multipart(given, content),
            headers={"Content-Type": CONTENT_TYPE},
        )
    )


async def uploaded(api: Api, bearer: str, content: bytes = PNG, **changes: Any) -> str:
    form = await announced(api, bearer, **changes)
    assert (await sent_form(api, form, content)).code == 201
    url: str = form["image_url"]
    return url


async def used(api: Api, world: World, admin: str, url: str) -> Any:
    """Send a notification with the picture, and return the answer."""
    recipient = await world.person()
    body = {
        "recipient_id": str(recipient.id),
        "notification_type": "system_announcement",
        "title": "t",
        "message": "m",
        "image_url": url,
    }
    return await api.post("/api/notifications/", admin, body)


@pytest.mark.parametrize("content_type", PICTURES)
async def test_a_picture_is_uploaded_shown_and_sent(
    api: Api, world: World, admin: str, content_type: str
) -> None:
    url = await uploaded(api, admin, PICTURES[content_type], content_type=content_type)
    shown = await api.fetch(HTTPRequest(url))
    assert (shown.code, shown.body) == (200, PICTURES[content_type])
    headers = shown.headers
    assert headers["Content-Type"] == content_type
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    answer = await used(api, world, admin, url)
    assert (answer.status, answer.body["image_url"]) == (201, url)


async def test_a_form_says_what_it_takes_and_until_when(api: Api) -> None:
    form = await announced(api, token(user_type="provider"))
    assert form["method"] == "POST"
    assert form["upload_url"].startswith(f"{api.base_url}/images/uploads/")
    assert form["fields"]["Content-Type"] == "image/png"
    left = datetime.fromisoformat(form["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15, seconds=5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content_type": "image/svg+xml", "size_bytes": 9}, "content_type"),
        ({"content_type": "image/png", "size_bytes": 0}, "size_bytes"),
        ({"content_type": "image/png", "size_bytes": LARGEST_BYTES + 1}, "size_bytes"),
        ({"content_type": "image/png", "size_bytes": "9"}, "size_bytes"),
        ({"size_bytes": 9}, "content_type"),
        ({"content_type": "image/png", "size_bytes": 9, "name": "x"}, "name"),
    ],
)
async def test_what_cannot_be_a_picture_is_refused(
    api: Api, admin: str, body: dict[str, Any], field: str
) -> None:
    answer = await api.post("/api/images/", admin, body)
    assert (answer.status, set(answer.error["details"])) == (400, {field})


async def test_a_day_has_so_many_uploads(api: Api) -> None:
    bearer = token(uuid4(), "provider")
    forms = await asyncio.gather(*(announced(api, bearer) for _ in range(UPLOADS_A_DAY)))
    assert len({form["image_url"] for form in forms}) == UPLOADS_A_DAY
    answer = await api.post("/api/images/", bearer, {"content_type": "image/png", "size_bytes": 9})
    assert (answer.status, answer.error["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_401


async def test_what_is_uploaded_stays(api: Api, admin: str) -> None:
    form = await announced(api, admin)
    assert (await sent_form(api, form, PNG)).code == 201
    assert (await sent_form(api, form, PNG[::-1])).code == 409
    assert (await api.fetch(HTTPRequest(form["image_url"]))).body == PNG


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 400), (PNG + b"p", 400), (b"p" * (LARGEST_BYTES + 20_000), 413)]
)
async def test_no_more_is_taken_than_was_announced(
    api: Api, admin: str, content: bytes, status: int
) -> None:
    form = await announced(api, admin)
    assert (await sent_form(api, form, content)).code == status
    assert (await api.fetch(HTTPRequest(form["image_url"]))).code == 404


async def test_a_form_is_for_its_own_picture(api: Api, admin: str) -> None:
    form, other = await announced(api, admin), await announced(api, admin)
    assert (await sent_form(api, form, PNG, fields=other["fields"])).code == 403
    assert (await sent_form(api, form, PNG, fields={})).code == 400
    assert (await sent_form(api, form, None)).code == 400
    plain = await api.fetch(HTTPRequest(form["upload_url"], method="POST", body=PNG))
    assert plain.code == 415
    broken = HTTPRequest(
        form["upload_url"], method="POST", body=b"--x", headers={"Content-Type": CONTENT_TYPE}
    )
    assert (await api.fetch(broken)).code == 400


async def test_a_form_expires(api: Api, admin: str, service: Service) -> None:
    form = await announced(api, admin)
    image_id = UUID(form["upload_url"].rstrip("/").rpartition("/")[2])
    await service.stores.images._images.update_one(
        {"_id": image_id}, {"$set": {"expires_at": service.clock.store_now()}}
    )
    assert (await sent_form(api, form, PNG)).code == 404


async def test_what_is_no_picture_is_not_sent(api: Api, world: World, admin: str) -> None:
    url = await uploaded(api, admin, b"<script>alert(1)</script>")
    answer = await used(api, world, admin, url)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.error["details"] == {
        "image_url": ["The file is no image/png as it was announced"]
    }
    # It was never more than bytes called a picture.
    shown = await api.fetch(HTTPRequest(url))
    assert (shown.headers["Content-Type"], shown.headers["X-Content-Type-Options"]) == (
        "image/png",
        "nosniff",
    )


async def test_what_is_not_there_is_not_sent(api: Api, world: World, admin: str) -> None:
    form = await announced(api, admin)
    answer = await used(api, world, admin, form["image_url"])
    assert answer.error["details"] == {"image_url": ["The image has not been uploaded yet"]}
    shouted = form["image_url"].replace("http://", "HTTP://")
    assert (await used(api, world, admin, shouted)).status == 400
    for bad in (f"{uuid4()}.png", "x.png", form["image_url"][-40:-3] + "jpg", "../x"):
        answer = await used(api, world, admin, f"{api.base_url}/images/{bad}")
        assert answer.error["details"] == {"image_url": ["There is no such image"]}, bad


async def test_pictures_of_others_are_none_of_our_business(
    api: Api, world: World, admin: str
) -> None:
    answer = await used(api, world, admin, "https://images.example/a.svg")
    assert answer.status == 201


async def test_an_event_with_a_picture_that_is_not_there_is_refused_by_its_index(
    api: Api, world: World, admin: str
) -> None:
    bakery = await world.shop()
    missing = (await announced(api, admin))["image_url"]
    there = await uploaded(api, admin)
    listings = [listing(bakery.id, url) for url in (there, missing, None)]
    answer = await api.post(
        "/api/internal/events/", token(user_type="service"), {"events": listings}
    )
    assert answer.error["details"] == {
        "events.1.data.image_url": ["The image has not been uploaded yet"]
    }
    answer = await api.post("/api/internal/events/", token(user_type="service"), listings[1])
    assert set(answer.error["details"]) == {"data.image_url"}
    answer = await api.post("/api/internal/events/", token(user_type="service"), listings[0])
    assert answer.status == 202


def listing(business_id: UUID, image_url: str | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": uuid4().hex,
        "type": "listing.created",
        "occurred_at": now.isoformat(),
        "data": {
            "listing_id": uuid4().hex,
            "business_id": str(business_id),
            "name": "Bread",
            "price": "10",
            "expiry_date": (now + timedelta(hours=9)).isoformat(),
            "pickup_location": "Here",
            "image_url": image_url,
        },
    }


async def test_a_picture_in_a_template_is_looked_at_and_kept_for_long(
    api: Api, admin: str, service: Service
) -> None:
    missing = (await announced(api, admin))["image_url"]
    path, source = f"/api/templates/t{uuid4().hex}/", {"subject": "s", "text": "t"}
    answer = await api.put(path, admin, {**source, "html": f'<p><img src="{missing}"></p>'})
    assert answer.error["details"] == {"html": [f"{missing}: The image has not been uploaded yet"]}
    there = await uploaded(api, admin)
    answer = await api.put(path, admin, {**source, "html": f"<p><img src='{there}'></p>"})
    assert answer.status == 200
    image_id = UUID(there.rpartition("/")[2].partition(".")[0])
    image = (await service.stores.images.find_many([image_id]))[image_id]
    assert image.purge_at - image.created_at > KEPT_IN_TEMPLATES_FOR


async def test_a_picture_that_is_used_outlives_its_notifications(
    api: Api, world: World, admin: str, service: Service
) -> None:
    url = await uploaded(api, admin)
    await used(api, world, admin, url)
    image_id = UUID(url.rpartition("/")[2].partition(".")[0])
    image = (await service.stores.images.find_many([image_id]))[image_id]
    assert image.is_checked
    assert image.purge_at - image.created_at >= KEPT_FOR
