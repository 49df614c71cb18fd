"""Admins write the templates of mails (contract section 2.6)."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.locales import LOCALES
from server.service import Service
from storage.templates import KEPT
from tests.support.api import Answer, Api, token

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = {"subject": "Hi {{ name }}", "html": "<p>{{ title }}</p>", "text": "{{ title }}"}


@pytest.fixture
def admin_id() -> UUID:
    return uuid4()


@pytest.fixture
def admin(admin_id: UUID) -> str:
    return token(admin_id, "admin")


@pytest.fixture
def name() -> str:
    return f"t{uuid4().hex}"


async def written(api: Api, admin: str, name: str, **changes: str) -> Answer:
    answer = await api.put(f"/api/templates/{name}/", admin, {**SOURCE, **changes})
    assert answer.status == 200, answer.body
    return answer


def numbers(answer: Answer) -> list[int]:
    return [each["version"] for each in answer.body["versions"]]


async def test_what_is_shipped_is_listed(api: Api, admin: str) -> None:
    answer = await api.get("/api/templates/?page_size=100", admin)
    rows = {row["name"]: row for row in answer.body["results"]}
    assert {"welcome", "promotional", "pickup_reminder", "notification"} <= rows.keys()
    assert "words" not in rows
    assert rows["promotional"]["locales"] == list(LOCALES)
    assert [*rows] == sorted(rows)


async def test_the_list_has_pages(api: Api, admin: str) -> None:
    answer = await api.get("/api/templates/?page=2&page_size=4", admin)
    assert len(answer.body["results"]) == 4
    assert answer.body["next"].endswith("page=3&page_size=4")
    everything = await api.get("/api/templates/?page_size=100", admin)
    assert answer.body["results"] == everything.body["results"][4:8]
    assert (await api.get("/api/templates/?page=99", admin)).body["results"] == []


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_shipped_one_is_version_1_and_can_be_written_back(
    api: Api, admin: str, locale: str
) -> None:
    shown = await api.get(f"/api/templates/verification_status/?locale={locale}", admin)
    assert (shown.body["version"], shown.body["updated_by"]) == (1, None)
    assert numbers(shown) == [1]
    sources = {field: shown.body[field] for field in SOURCE}
    again = await written(api, admin, "verification_status", locale=locale, **sources)
    assert (again.body["version"], numbers(again)) == (2, [2, 1])
    assert {field: again.body[field] for field in SOURCE} == sources


async def test_a_version_is_shown_as_it_was_written(
    api: Api, admin: str, admin_id: UUID, name: str
) -> None:
    html = "<p>\n  {{ title }}\t</p>\n"
    first = await written(api, admin, name, html=html)
    assert (first.body["version"], first.body["locale"], first.body["html"]) == (1, "en", html)
    assert first.body["updated_by"] == str(admin_id)
    second = await written(api, admin, name, html="<p>two</p>")
    shown = await api.get(f"/api/templates/{name}", admin)
    assert shown.body == second.body
    assert numbers(shown) == [2, 1]
    row = await row_of(api, admin, name)
    assert row == {
        "name": name,
        "locales": ["en"],
        "version": 2,
        "updated_at": second.body["updated_at"],
    }


async def row_of(api: Api, admin: str, name: str) -> Any:
    answer = await api.get("/api/templates/?page_size=100", admin)
    (row,) = [row for row in answer.body["results"] if row["name"] == name]
    return row


async def test_languages_count_for_themselves(api: Api, admin: str, name: str) -> None:
    for _ in range(2):
        await written(api, admin, name)
    last = await written(api, admin, name, locale="zu")
    row = await row_of(api, admin, name)
    assert (row["locales"], row["version"]) == (["en", "zu"], 1)
    assert row["updated_at"] == last.body["updated_at"]
    answer = await api.get(f"/api/templates/{name}/?locale=af", admin)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_those_who_write_at_once_get_a_version_each(api: Api, admin: str, name: str) -> None:
    answers = await asyncio.gather(
        *(written(api, admin, name, subject=f"Number {n}") for n in range(4))
    )
    assert sorted(answer.body["version"] for answer in answers) == [1, 2, 3, 4]


async def test_of_many_versions_the_newest_are_kept(
    api: Api, admin: str, name: str, service: Service
) -> None:
    for n in range(KEPT):
        await service.stores.templates.add(
            name=name,
            locale="en",
            **{**SOURCE, "subject": str(n)},
            by=uuid4(),
            at=service.clock.store_now(),
            after=0,
        )
    last = await written(api, admin, name)
    assert numbers(last) == list(range(KEPT + 1, 1, -1))
    gone = await api.post(f"/api/templates/{name}/rollback/", admin, {"version": 1})
    assert gone.status == 404


async def test_to_roll_back_is_to_write_again(api: Api, admin: str, name: str) -> None:
    await written(api, admin, name, text="one")
    await written(api, admin, name, text="two")
    back = await api.post(f"/api/templates/{name}/rollback/", admin, {"version": 1})
    assert back.status == 200
    assert (back.body["version"], back.body["text"]) == (3, "one")
    assert (await api.get(f"/api/templates/{name}/", admin)).body == back.body


async def test_one_can_roll_back_to_what_is_shipped(api: Api, admin: str) -> None:
    path = "/api/templates/review_received/"
    shipped = await api.get(f"{path}?locale=af", admin)
    await written(api, admin, "review_received", locale="af")
    back = await api.post(f"{path}rollback/", admin, {"version": 1, "locale": "af"})
    assert (back.body["version"], back.body["html"]) == (3, shipped.body["html"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rollback/", {"version": 7}),
        ("rollback/", {"version": 1, "locale": "af"}),
        ("preview/", {"subject": "x"}),
    ],
)
async def test_what_there_is_not_is_404(
    api: Api, admin: str, name: str, path: str, body: dict[str, Any]
) -> None:
    if path == "rollback/":
        await written(api, admin, name)
    answer = await api.post(f"/api/templates/{name}/{path}", admin, body)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"html": "<p>\n{% if %}</p>"}, "html", "line 2: Expected an expression"),
        ({"text": "a\n\n{{ x | nosuch }}"}, "text", "line 3: No filter named 'nosuch'."),
        ({"subject": "{% endfor %}"}, "subject", "line 1: Encountered unknown tag"),
        ({"html": "<p {% if name %}class='a'{% endif %}>x</p>"}, "html", "line 1: {% if name %}"),
        ({"subject": ""}, "subject", "Length must be between 1 and 500."),
        ({"html": "x" * (128 * 1_024 + 1)}, "html", "Length must be between"),
        ({"locale": "fr"}, "locale", "Must be one of: en, af, zu."),
        ({"name": "x"}, "name", "Unknown field."),
    ],
)
async def test_what_does_not_compile_is_refused_with_field_and_line(
    api: Api, admin: str, name: str, changes: dict[str, str], field: str, message: str
) -> None:
    answer = await api.put(f"/api/templates/{name}/", admin, {**SOURCE, **changes})
    assert (answer.status, set(answer.error["details"])) == (400, {field})
    assert answer.error["details"][field][0].startswith(message)
    assert (await api.get(f"/api/templates/{name}/", admin)).status == 404


async def test_what_takes_for_ever_is_refused(api: Api, admin: str, name: str) -> None:
    endless = "{% for a in title * 999 %}" * 4 + "{% endfor %}" * 4
    answer = await api.post(f"/api/templates/{name}/preview/", admin, {**SOURCE, "text": endless})
    assert answer.status == 400
    assert answer.error["details"] == {"template": ["takes longer than 5 s"]}
    assert (await api.get("/health/live/")).status == 200


async def test_a_preview_shows_a_sample(api: Api, admin: str) -> None:
    answer = await api.post("/api/templates/promotional/preview/", admin, {"locale": "af"})
    assert answer.status == 200
    assert "FRIDAY50" in answer.body["html"]
    assert "FRIDAY50" in answer.body["text"]
    assert '<html lang="af">' in answer.body["html"]


async def test_a_preview_shows_what_is_not_stored_yet_with_what_one_likes_to_see(
    api: Api, admin: str, name: str
) -> None:
    body = {
        "subject": "{{ greeting }}, {{ name }}",
        "html": '{% extends "base.html" %}{% block lead %}{{ data.price | money }} {{ data.who }}'
        "{% endblock %}",
        "text": "{{ title }} {{ extra.deep.value }}",
        "context": {
            "greeting": "Molo",
            "name": "<Thandi>",
            "data": {"price": "10", "who": "<b>"},
            "extra": {"deep": {"value": 7}},
        },
    }
    answer = await api.post(f"/api/templates/{name}/preview/", admin, body)
    assert answer.body["subject"] == "Molo, <Thandi>"
    assert "R10.00 &lt;b&gt;" in answer.body["html"]
    assert answer.body["text"].endswith(" 7")
    assert (await api.get(f"/api/templates/{name}/", admin)).status == 404


async def test_a_preview_may_change_one_source(api: Api, admin: str, name: str) -> None:
    await written(api, admin, name, text="stored")
    answer = await api.post(f"/api/templates/{name}/preview/", admin, {"subject": "New"})
    assert (answer.body["subject"], answer.body["text"]) == ("New", "stored")


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"html": "<p>\n{{ nobody }}</p>"}, "html", "line 2: 'nobody' is undefined"),
        ({"text": "{{ title.__class__ }}"}, "text", "line 1: access to attribute '__class__'"),
        ({"context": [1]}, "context", "Not a valid mapping type."),
        ({"context": {"a": "x" * 70_000}}, "context", "Longer than 65536 bytes as JSON."),
    ],
)
async def test_what_a_preview_cannot_show_says_where(
    api: Api, admin: str, name: str, changes: dict[str, Any], field: str, message: str
) -> None:
    answer = await api.post(f"/api/templates/{name}/preview/", admin, {**SOURCE, **changes})
    assert (answer.status, set(answer.error["details"])) == (400, {field})
    assert answer.error["details"][field][0].startswith(message)


async def test_who_changed_what_is_on_record(
    api: Api, admin: str, admin_id: UUID, name: str
) -> None:
    await written(api, admin, name, locale="af")
    await api.post(f"/api/templates/{name}/rollback/", admin, {"version": 1, "locale": "af"})
    answer = await api.get(f"/api/audit-log/?actor_id={admin_id}", admin)
    rows = [(row["action"], row["target"], row["details"]) for row in answer.body["results"]]
    assert rows == [
        ("template.rollback", name, {"locale": "af", "version": 1}),
        ("template.update", name, {"locale": "af"}),
    ]


@pytest.mark.parametrize("bad", ["Welcome", "9lives", "a.b", "x" * 65, "..%2Fen"])
async def test_other_names_are_no_addresses(api: Api, admin: str, bad: str) -> None:
    answer = await api.put(f"/api/templates/{bad}/", admin, SOURCE)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_the_example_of_the_documentation_works(api: Api, admin: str) -> None:
    written_down = (DOCS / "emails.md").read_text("utf-8")
    pattern = r"PUT /api/templates/promotional/\n(    {\n.*?\n    })\n"
    (example,) = re.findall(pattern, written_down, re.DOTALL)
    answer = await api.post("/api/templates/promotional/preview/", admin, json.loads(example))
    assert answer.body["subject"].endswith(" for R12.50")
    for part in ("html", "text"):
        assert "Only this week, Thandi Nkosi." in answer.body[part]
