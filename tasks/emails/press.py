"""A process in which templates that people store are compiled and rendered, and its parent's side.

    request   {key, source, letter, context, is_sample, public_url, unsubscribe_url}
    answer    {rendered: {subject, html, text} | null} | {refused: {field, line, problem}}
              | {wanted: key}: it does not have that template, ask again with its source

One request at a time. Who takes too long is killed, and another is started for whoever comes next.
Errors: `TemplateRefused`, `PressFailed`, `PressUnavailable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tasks.emails.pieces import TemplateRefused
from tasks.emails.rendered import Rendered

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping

    from tasks.emails.sources import Source
    from tasks.letter import Letter

ROOT = Path(__file__).parent.parent.parent

START_WITHIN_S = 20.0
"""Half a second where nothing else is done."""

RENDER_WITHIN_S = 2.0
CHECK_WITHIN_S = 5.0
"""Inlining the styles of a mail takes 0.1 s; a page of ten times its size, several."""

IDLE_S = 120.0
"""Where nobody has anything to press it ends: it takes 52 MB."""

MOST_FRAME_BYTES = 8 << 20

_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH")
"""No setting, and so no secret, is passed on."""


class PressFailed(Exception):
    """A template that takes too long or too much, and took the press with it."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class PressUnavailable(Exception):
    """Too many wait already, or it cannot be begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be pressed: a template, kept under `key` if it has one, and a letter to render."""

    key: str | None = None
    source: Source | None
    letter: Letter | None = None
    context: Mapping[str, Any] | None = None
    is_sample: bool = False
    """Nobody's words are in it, so that errors may quote them."""

    public_url: str = ""
    unsubscribe_url: str = ""

    def with_source(self, source: Source) -> Job:
        """Return it with what the press asked for."""
        return replace(self, source=source)


class Press:
    """One such process, started when first used."""

    def __init__(self, *, most_waiting: int, idle_s: float = IDLE_S) -> None:
        self._most_waiting = most_waiting
        self._idle_s = idle_s
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._resting: asyncio.TimerHandle | None = None

    async def check(self, source: Source) -> None:
        """Compile `source`. Raises TemplateRefused, PressFailed, PressUnavailable."""
        await self._take_turn(Job(source=source), CHECK_WITHIN_S)

    async def render(self, job: Job) -> Rendered | None:
        """Return the mail, None where the press wants the source of `job.key`.

        Raises TemplateRefused, PressFailed, PressUnavailable.
        """
        within_s = RENDER_WITHIN_S if job.source is None else CHECK_WITHIN_S
        answer = await self._take_turn(job, within_s)
        return Rendered(**answer["rendered"]) if "rendered" in answer else None

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _take_turn(self, job: Job, within_s: float) -> dict[str, Any]:
        if self._waiting >= self._most_waiting:
            raise PressUnavailable
        self._waiting += 1
        try:
            async with self._turn:
                return await self._exchange(job, within_s)
        finally:
            self._waiting -= 1

    async def _exchange(self, job: Job, within_s: float) -> dict[str, Any]:
        self._stay()
        is_answered = False
        try:
            process = self._running() or await self._start()
            answer = await _asked(process, _frame(job), within_s)
            is_answered = True
        finally:
            # Also when nobody waits any more: an answer must not be taken for the next one's.
            if not is_answered:
                await self._end()
        self._rest()
        if "refused" in answer:
            refused = answer["refused"]
            raise TemplateRefused(refused["line"], refused["problem"], refused["field"])
        return answer

    def _running(self) -> Process | None:
        """Return the process, unless it ended meanwhile, which is no fault of what comes next."""
        process = self._process
        return process if process is not None and process.returncode is None else None

    async def _start(self) -> Process:
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tasks.emails.pressing",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # What Python says when it fails may quote a letter.
                stderr=asyncio.subprocess.DEVNULL,
                cwd=ROOT,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
            async with asyncio.timeout(START_WITHIN_S):
                await _read_frame(process)
        except (OSError, PressFailed) as error:
            # TimeoutError is an OSError. No template has been tried yet, so none is to blame.
            raise PressUnavailable from error
        return process

    async def _end(self) -> None:
        self._stay()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # A child that is not waited for stays in the table of processes.
            await asyncio.shield(process.wait())

    def _stay(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _rest(self) -> None:
        self._resting = asyncio.get_running_loop().call_later(self._idle_s, self._leave)

    def _leave(self) -> None:
        self._resting = None
        if self._process is not None and not self._turn.locked():
            self._process.kill()
            self._process = None


async def _asked(process: Process, frame: bytes, within_s: float) -> dict[str, Any]:
    assert process.stdin is not None
    try:
        async with asyncio.timeout(within_s):
            process.stdin.write(len(frame).to_bytes(4) + frame)
            await process.stdin.drain()
            answer: dict[str, Any] = orjson.loads(await _read_frame(process))
            return answer
    except TimeoutError:
        raise PressFailed(f"takes longer than {within_s:g} s") from None
    except (ConnectionError, orjson.JSONDecodeError):
        raise PressFailed("takes too much") from None


async def _read_frame(process: Process) -> bytes:
    """Return what the press says. Raises PressFailed when it has ended."""
    assert process.stdout is not None
    try:
        size = int.from_bytes(await process.stdout.readexactly(4))
        if size > MOST_FRAME_BYTES:
            raise PressFailed("says too much")
        return await process.stdout.readexactly(size)
    except asyncio.IncompleteReadError:
        raise PressFailed("takes too much") from None


def _frame(job: Job) -> bytes:
    return orjson.dumps(
        {
            "key": job.key,
            "source": job.source and asdict(job.source),
            "letter": job.letter,
            "context": job.context,
            "is_sample": job.is_sample,
            "public_url": job.public_url,
            "unsubscribe_url": job.unsubscribe_url,
        }
    )
