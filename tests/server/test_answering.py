"""What an answer begins with, before its handler says anything."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest, RequestStartLine

from server.application import Application
from server.edge import Edge
from server.handlers.answering import AnsweringHandler
from tests.support.api import Api

EDGE = Edge(allowed_origins=(), is_https=False)
OF_TORNADO_ALONE = {"Server"}


class Connection:
    """What a handler is told by when its client goes, which none of these does."""

    def set_close_callback(self, _: object) -> None:
        pass


def an_answer() -> AnsweringHandler:
    """Return a handler to which nothing was said yet."""
    connection: Any = Connection()
    asked = RequestStartLine("GET", "/", "HTTP/1.0")
    request = HTTPServerRequest(start_line=asked, connection=connection)
    return AnsweringHandler(Application([], edge=EDGE), request)


def test_an_answer_begins_with_all_that_tornado_begins_it_with() -> None:
    answer = an_answer()
    ours = vars(answer).copy()
    tornado.web.RequestHandler.clear(answer)
    for name, value in vars(answer).items():
        if name not in {"_headers", "request_id"}:
            assert ours[name] == value, name
    assert set(answer._headers) - set(ours["_headers"]) == OF_TORNADO_ALONE


def test_what_was_said_before_an_answer_began_anew_is_gone() -> None:
    answer = an_answer()
    answer.set_status(404)
    answer.set_header("Allow", "GET")
    answer.write(b"no")
    answer.clear()
    assert answer.get_status() == 200
    assert answer._write_buffer == []
    assert "Allow" not in answer._headers


def test_the_time_of_an_answer_is_written_anew_each_second() -> None:
    times = [1_795_000_000.9, 1_795_000_001.0, 1_795_000_001.9, 1_795_000_000.0]
    application = Application([], edge=EDGE, now=iter(times).__next__)
    told = [parsedate_to_datetime(application.http_date()).timestamp() for _ in times]
    assert told == [int(now_s) for now_s in times]


async def test_answers_and_errors_say_when_they_were_given(api: Api) -> None:
    for path in ("/health/live/", "/nowhere"):
        before = datetime.now(UTC).replace(microsecond=0)
        answer = await api.request("GET", path)
        assert before <= parsedate_to_datetime(answer.headers["Date"]) <= datetime.now(UTC)
