"""What people store cannot get at anything, take for ever or fill the memory: attempts at it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from tasks.emails import press as parent
from tasks.emails.pieces import TemplateRefused
from tasks.emails.press import Job, Press, PressFailed, PressUnavailable
from tasks.emails.pressing import MOST_CHARACTERS, READY, read_frame, serve, write_frame
from tasks.emails.rendered import Rendered
from tasks.emails.samples import sample
from tasks.emails.sources import ShippedSources, Source
from tests.support.bus import until

PLAIN = Source(locale="en", subject="Hi", html="<p>Hi</p>", text="Hi")
SHIPPED = ShippedSources()


@pytest.fixture
async def press() -> AsyncIterator[Press]:
    made = Press(most_waiting=4)
    yield made
    await made.close()


def job(**fields: str) -> Job:
    return Job(
        source=replace(PLAIN, **fields),
        letter=sample("promotional"),
        is_sample=True,
        public_url="https://savenbite.example",
        unsubscribe_url="https://savenbite.example/unsubscribe/t/",
    )


async def refused(press: Press, **fields: str) -> TemplateRefused:
    with pytest.raises(TemplateRefused) as found:
        await press.render(job(**fields))
    return found.value


async def test_it_renders_and_keeps_what_it_compiled(press: Press) -> None:
    source = SHIPPED.source("promotional", "af")
    kept = replace(job(), source=source, key="promotional/af/1")
    made = await press.render(kept)
    assert made is not None
    assert made.subject == sample("promotional").title
    assert '<html lang="af">' in made.html
    assert "FRIDAY50" in made.text
    assert await press.render(replace(kept, source=None)) == made
    assert await press.render(replace(kept, source=None, key="promotional/af/2")) is None


@pytest.mark.parametrize(
    ("fields", "field", "line", "problem"),
    [
        ({"html": "<p>\n\n{% if %}</p>"}, "html", 3, "Expected an expression"),
        ({"text": "a\n{{ title | shout }}"}, "text", 2, "No filter named 'shout'"),
        ({"subject": "{{ title"}, "subject", 1, "unexpected end"),
        ({"html": "<p>\n<a {{ title }}>x</a></p>"}, "html", 2, "no place for it"),
        ({"html": "\n{% include 'x' %}"}, "html", 2, "include is not supported"),
        ({"html": '\n{% extends "/etc/passwd" %}'}, "html", 2, "extends what there is not"),
        ({"text": "{% extends 'base.txt' %}\n{% block a %}"}, "text", 2, "block"),
        ({"html": "<p>\n\n{{ nobody }}</p>"}, "html", 3, "'nobody' is undefined"),
        (
            {"html": '{% extends "base.html" %}\n{% block lead %}\n{{ nobody }}{% endblock %}'},
            "html",
            3,
            "'nobody' is undefined",
        ),
        ({"text": "\n{{ title + 1 }}"}, "text", 2, "can only concatenate str"),
    ],
)
async def test_what_is_wrong_is_said_with_its_field_and_line(
    press: Press, fields: dict[str, str], field: str, line: int, problem: str
) -> None:
    error = await refused(press, **fields)
    assert (error.field, error.line) == (field, line)
    assert problem in error.problem


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ '' | attr('__class__') }}",
        "{{ '{0.__class__}'.format(title) }}",
        "{{ '{a.__class__}'.format_map({'a': title}) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ formats._locale }}",
        "{{ data._values }}",
        "{{ data.merged.__func__ }}",
        "{{ buttons.append(1) }}",
        "{{ [].__class__.__base__.__subclasses__() }}",
        "{{ title.format.__self__ }}{{ (title|map('upper')).gi_frame }}",
        "{{ namespace() }}{{ lipsum() }}",
    ],
)
async def test_nothing_is_reached_that_is_not_the_letters(press: Press, text: str) -> None:
    assert (await refused(press, text=text)).field == "text"


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ ['x'] * 10**9 }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{{ title | center(10**9) }}",
        "{{ title | indent(10**9) }}",
        "{{ ([title] * 10**6) | join(title * 1000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ title.ljust(10**9) }}",
        "{{ title | replace('', title * 100000) | replace('', title * 1000) }}",
        f"{{{{ 'x' * {MOST_CHARACTERS} }}}}xx",
        "{% for a in 'x' * 1000 %}{% for b in 'x' * 1000 %}{{ title }}{% endfor %}{% endfor %}",
        "{{ (10 ** 5000) | string }}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "-" * 50_000 + "1 }}",
        "{% if 1 %}" * 200 + "{% endif %}" * 200,
    ],
)
async def test_what_is_too_large_is_refused_and_the_press_goes_on(press: Press, text: str) -> None:
    # Which of its bounds ends it is the machine's affair.
    with pytest.raises((TemplateRefused, PressFailed)):
        await press.render(job(text=text))
    assert await press.render(job()) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{% set l = 'x' * 9999 %}" + "{% for a in l %}" * 3 + "{% endfor %}" * 3,
        "{{ 10 ** (10 ** 9) }}",
    ],
)
async def test_what_takes_for_ever_is_ended_and_another_press_goes_on(
    press: Press, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await press.render(job()) is not None
    monkeypatch.setattr(parent, "CHECK_WITHIN_S", 0.5)
    began_s = time.monotonic()
    with pytest.raises(PressFailed):
        await press.render(job(text=text))
    assert time.monotonic() - began_s < 5
    monkeypatch.undo()
    assert await press.render(job()) is not None


async def test_styles_without_an_end_are_ended(press: Press) -> None:
    html = "<style>" + "p a{color:red}" * 8_000 + "</style>" + "<p><a>x</a></p>" * 8_000
    with pytest.raises(PressFailed, match="takes longer than 5 s"):
        await press.check(replace(PLAIN, html=html))


async def test_who_stops_waiting_leaves_no_answer_to_others(press: Press) -> None:
    waiting = asyncio.create_task(press.render(job(subject="the first")))
    await until(press_process)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    made = await press.render(job(subject="the second"))
    assert isinstance(made, Rendered)
    assert made.subject == "the second"


async def test_more_than_it_may_hold_do_not_wait(press: Press) -> None:
    results = await asyncio.gather(
        *(press.render(job(subject=str(n))) for n in range(6)), return_exceptions=True
    )
    assert [type(each) for each in results] == [Rendered] * 4 + [PressUnavailable] * 2


async def test_it_has_nothing_of_its_parents(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNB_JWT_SECRET", "a secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    await press.check(PLAIN)
    process = press_process()
    assert process is not None
    assert {"SNB_JWT_SECRET", "AWS_SECRET_ACCESS_KEY"}.isdisjoint(process.environ())
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_AS)[1] == 512 << 20


async def test_it_ends_where_nobody_needs_it_and_is_there_again() -> None:
    press = Press(most_waiting=1, idle_s=0.05)
    await press.check(PLAIN)
    assert press_process() is not None
    await until(lambda: press_process() is None)
    await press.check(PLAIN)
    await press.close()
    assert press_process() is None


async def test_one_that_dies_in_between_is_replaced(press: Press) -> None:
    await press.check(PLAIN)
    process = press_process()
    assert process is not None
    process.kill()
    await until(lambda: press._running() is None)
    await press.check(PLAIN)


@pytest.mark.parametrize("folder", ["", "missing"])
async def test_one_that_cannot_be_begun_is_no_fault_of_a_template(
    press: Press, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "ROOT", tmp_path / folder)
    with pytest.raises(PressUnavailable):
        await press.check(PLAIN)
    monkeypatch.undo()
    await press.check(PLAIN)


def press_process() -> psutil.Process | None:
    for child in psutil.Process(os.getpid()).children():
        # One that has just ended cannot be asked.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "tasks.emails.pressing" in " ".join(child.cmdline()):
                return child
    return None


def test_the_program_answers_until_there_is_nothing_more_to_answer() -> None:
    requests, answers = io.BytesIO(), io.BytesIO()
    letter = sample("review_received", business=None)
    asked: list[dict[str, Any]] = [
        {"key": "k", "source": None, "letter": None},
        {"key": "k", "source": source_of(PLAIN), "letter": None},
        {"key": "k", "source": None, "letter": letter},
        {"key": None, "source": source_of(replace(PLAIN, text="{{ x }}")), "letter": letter},
        {"key": None, "source": source_of(replace(PLAIN, text="{{ x }}")), "context": {"x": "y"}},
        {"key": None, "source": source_of(replace(PLAIN, text="{% x %}")), "letter": letter},
    ]
    for each in asked:
        fields = {"letter": letter, "context": None, "is_sample": False, **each}
        request = {"public_url": "https://x.example", "unsubscribe_url": "", **fields}
        write_frame(requests, orjson.dumps(request))
    requests.seek(0)
    begun: list[None] = []
    serve(requests, answers, lambda: begun.append(None))
    assert len(begun) == len(asked)
    answers.seek(0)
    assert read_frame(answers) == READY
    found = [orjson.loads(frame) for frame in iter(lambda: read_frame(answers), None)]
    rendered = {"subject": "Hi", "html": found[2]["rendered"]["html"], "text": "Hi"}
    assert found == [
        {"wanted": "k"},
        {"rendered": None},
        {"rendered": rendered},
        # What fails with a letter of somebody's is not quoted.
        {"refused": {"field": "text", "line": None, "problem": "UndefinedError"}},
        {"rendered": {**rendered, "text": "y"}},
        {"refused": {"field": "text", "line": 1, "problem": "Encountered unknown tag 'x'."}},
    ]


def source_of(source: Source) -> dict[str, str]:
    return {
        "locale": source.locale,
        "subject": source.subject,
        "html": source.html,
        "text": source.text,
    }
