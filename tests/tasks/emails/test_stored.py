from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from storage.stores import Stores
from tasks.emails.press import Press
from tasks.emails.rendered import Rendered
from tasks.emails.stored import ASIDE_FOR_S, LOOK_EVERY_S, StoredTemplates
from tasks.emails.templates import FileTemplates
from tests.tasks.letters import letter

URL = "https://savenbite.example"
SHIPPED = FileTemplates(URL)


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
async def templates(stores: Stores, now: Clock) -> AsyncIterator[StoredTemplates]:
    made = StoredTemplates(SHIPPED, stores.templates, Press(most_waiting=9), URL, now_s=now)
    yield made
    await made.close()


async def store(
    stores: Stores, name: str, *, locale: str = "en", text: str = "{{ title }} by {{ kind }}"
) -> None:
    await stores.templates.add(
        name=name,
        locale=locale,
        subject="Stored",
        html="<p>{{ title }}</p>",
        text=text,
        by=uuid4(),
        at=letter().created_at,
        after=1,
    )


async def render(templates: StoredTemplates, **changes: Any) -> Rendered:
    return await templates.render(letter(**changes), unsubscribe_url=URL)


async def test_without_stored_ones_mails_are_as_shipped(templates: StoredTemplates) -> None:
    expected = await SHIPPED.render(letter(kind="review_received"), unsubscribe_url=URL)
    assert await render(templates, kind="review_received") == expected


async def test_a_new_version_is_used_within_seconds(
    stores: Stores, templates: StoredTemplates, now: Clock
) -> None:
    await store(stores, "promotional", text="one")
    assert (await render(templates, kind="promotional")).text == "one"
    await store(stores, "promotional", text="two")
    assert (await render(templates, kind="promotional")).text == "one"
    now.now_s += LOOK_EVERY_S
    assert (await render(templates, kind="promotional")).text == "two"


async def test_a_letter_may_name_its_template(stores: Stores, templates: StoredTemplates) -> None:
    await store(stores, "black_friday")
    mail = await render(templates, template="black_friday", kind="welcome", title="Bread")
    assert (mail.subject, mail.text) == ("Stored", "Bread by welcome")
    mail = await render(templates, template="nobody", kind="welcome")
    assert mail.subject == letter().title


@pytest.mark.parametrize(
    ("locale", "subject"),
    [("af", "Stored"), ("en", letter().title), ("zu", letter().title)],
)
async def test_a_language_of_its_own_goes_before_another_ones(
    stores: Stores, templates: StoredTemplates, locale: str, subject: str
) -> None:
    await store(stores, "welcome", locale="af")
    mail = await render(templates, kind="welcome", locale=locale)
    assert mail.subject == subject
    assert (f'<html lang="{locale}">' in mail.html) == (locale != "af")


async def test_what_is_not_shipped_falls_back_to_english(
    stores: Stores, templates: StoredTemplates
) -> None:
    await store(stores, "spring", text="{{ language }}")
    mail = await render(templates, template="spring", locale="zu")
    assert (mail.subject, mail.text) == ("Stored", "en")


async def test_the_general_one_may_be_stored(stores: Stores, templates: StoredTemplates) -> None:
    await store(stores, "notification", locale="af")
    assert (await render(templates, kind="of_no_template", locale="af")).subject == "Stored"


@pytest.mark.parametrize("text", ["{{ nobody }}", "{{ data.price / 0 }}", "{% broken"])
async def test_where_a_stored_one_fails_the_shipped_one_is_sent(
    stores: Stores, templates: StoredTemplates, text: str
) -> None:
    await store(stores, "new_listing", locale="zu", text=text)
    expected = await SHIPPED.render(letter(locale="zu"), unsubscribe_url=URL)
    assert await render(templates, locale="zu") == expected
    assert templates.failures == 1


async def test_one_that_takes_for_ever_costs_one_mail_its_time(
    stores: Stores, templates: StoredTemplates, now: Clock
) -> None:
    endless = "{% set l = title * 99 %}" + "{% for a in l %}" * 3 + "{% endfor %}" * 3
    await store(stores, "endless", text=endless)
    for tries, at_s in ((1, 0.0), (1, 1.0), (2, ASIDE_FOR_S + 1)):
        now.now_s = at_s
        mail = await render(templates, template="endless", kind="welcome")
        assert mail.subject != "Stored"
        assert templates.failures == tries
