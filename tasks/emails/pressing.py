"""The program of the press: compiles and renders one template after another, as it is told to.

It is a process of its own because neither Jinja's sandbox nor a thread can be kept from taking
for ever: it can be killed. What a template gets hold of here is little: no settings, no secrets,
no files to write, half a gigabyte of memory, and ten seconds of the processor for each request.

Frames in both directions are four bytes of length and JSON (tasks/emails/press.py has the words).
"""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

import orjson

from storage.embedded_child import PR_SET_PDEATHSIG
from tasks.emails.compiling import TemplateCompiler
from tasks.emails.failing import failing_line
from tasks.emails.links import Links
from tasks.emails.pieces import TemplateRefused
from tasks.emails.sources import Source
from tasks.emails.view import view_of, with_context
from tasks.letter import Letter, Party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Template

    from tasks.emails.compiling import Compiled

READY = b"ready"

MOST_MEMORY_BYTES = 512 << 20
MOST_CPU_S = 10

MOST_CHARACTERS = 512 * 1_024
"""Of one part of a mail; mail programs cut off what is over 102 KB."""

MOST_COMPILED = 64
"""Templates kept ready; one takes up to a megabyte."""


class TooLong(Exception):
    """A template writes more than any mail needs."""


class Pressing:
    """Answers requests; keeps what it has compiled."""

    def __init__(self) -> None:
        self._compiler = TemplateCompiler()
        self._compiled: OrderedDict[str, tuple[Source, Compiled]] = OrderedDict()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{rendered}`, `{refused}` or, where it does not have the template, `{wanted}`."""
        try:
            found = self._find(request)
            if found is None:
                return {"wanted": request["key"]}
            source, compiled = found
            if request["letter"] is None:
                return {"rendered": None}
            return self._rendered(source, compiled, request)
        except TemplateRefused as error:
            return _refusal(error.field, error.line, error.problem)

    def _find(self, request: Mapping[str, Any]) -> tuple[Source, Compiled] | None:
        key, given = request["key"], request["source"]
        if key in self._compiled:
            self._compiled.move_to_end(key)
            return self._compiled[key]
        if given is None:
            return None
        source = Source(**given)
        made = source, self._compiler.compile(source)
        if key is not None:
            self._compiled[key] = made
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        return made

    def _rendered(
        self, source: Source, compiled: Compiled, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        view = view_of(
            _letter(request["letter"]),
            Links(request["public_url"]),
            language=source.locale,
            unsubscribe_url=request["unsubscribe_url"],
        )
        view = with_context(view, request["context"])
        at = _Progress()
        try:
            made = compiled.render(view, at.write)
        # A template may raise whatever expressions raise.
        except Exception as error:  # noqa: BLE001
            problem = _problem(error) if request["is_sample"] else type(error).__name__
            line = None
            if request["is_sample"]:
                view["subject"] = ""
                line = failing_line(self._compiler, source, at.field, view)
            return _refusal(at.field, line, problem)
        return {"rendered": {"subject": made.subject, "html": made.html, "text": made.text}}


class _Progress:
    """Writes the parts of a mail within bounds, and knows which it is at."""

    _ORDER = ("subject", "html", "text")

    def __init__(self) -> None:
        self._begun = 0

    @property
    def field(self) -> str:
        """The part that was begun last."""
        return self._ORDER[self._begun - 1]

    def write(self, template: Template, view: dict[str, Any]) -> str:
        """Return what `template` makes of `view`; raise TooLong."""
        self._begun += 1
        return bounded(template, view)


def bounded(template: Template, view: dict[str, Any]) -> str:
    """Return what `template` makes of `view`; raise TooLong."""
    parts, characters = [], 0
    for part in template.generate(view):
        characters += len(part)
        if characters > MOST_CHARACTERS:
            raise TooLong
        parts.append(part)
    return "".join(parts)


def _problem(error: Exception) -> str:
    match error:
        case TooLong():
            return f"makes more than {MOST_CHARACTERS} characters"
        case MemoryError():
            return "takes too much memory"
        case RecursionError():
            return "calls itself without an end"
    return str(error)[:300] or type(error).__name__


def _refusal(field: str | None, line: int | None, problem: str) -> dict[str, Any]:
    return {"refused": {"field": field, "line": line, "problem": problem}}


def _letter(given: dict[str, Any]) -> Letter:
    business = given["business"]
    return Letter(
        **{
            **given,
            "notification_id": UUID(given["notification_id"]),
            "recipient_id": UUID(given["recipient_id"]),
            "created_at": datetime.fromisoformat(given["created_at"]),
            "business": business and Party(**{**business, "id": UUID(business["id"])}),
        }
    )


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the next frame of `stream`, None at its end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return stream.read(int.from_bytes(head))


def write_frame(stream: BinaryIO, frame: bytes) -> None:
    """Write `frame` to `stream`."""
    stream.write(len(frame).to_bytes(4) + frame)
    stream.flush()


def serve(requests: BinaryIO, answers: BinaryIO, before_each: Callable[[], None]) -> None:
    """Answer `requests` until they end, each after `before_each`."""
    pressing = Pressing()
    write_frame(answers, READY)
    while (frame := read_frame(requests)) is not None:
        before_each()
        write_frame(answers, orjson.dumps(pressing.answer(orjson.loads(frame))))


def _allow_cpu() -> None:
    """Let the processor be used for a while more; the kernel ends us after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most_s = int(used.ru_utime + used.ru_stime) + MOST_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (most_s, resource.RLIM_INFINITY))


def main() -> None:
    """Give up what a template has no use for, and serve."""
    # The parent's death ends us even in the middle of a loop without an end.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer, _allow_cpu)


if __name__ == "__main__":
    main()
