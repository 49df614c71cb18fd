"""Measure what a mail costs before it leaves: rendering it, and writing it as a message.

.venv/bin/python -m bench.emails
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID

from bench.options import whole
from bench.report import print_table
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.channels.mail import Mailer
from tasks.emails.compiling import TemplateCompiler
from tasks.emails.samples import SAMPLES, sample
from tasks.emails.templates import FileTemplates

PUBLIC_URL = "https://savenbite.example"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


async def main() -> None:
    """Print a line a kind: the median of single mails, each to another recipient."""
    parser = argparse.ArgumentParser(description="Measure what a mail costs before it leaves.")
    parser.add_argument("--mails", type=whole(1, 100_000), default=1_000, help="a kind (1000)")
    mails = parser.parse_args().mails
    compiler = TemplateCompiler()
    renderer = FileTemplates(PUBLIC_URL, compiler)
    mailer = Mailer(renderer, UnsubscribeLinks([b"k" * 32], PUBLIC_URL), sender=None)
    rows = []
    for kind in SAMPLES:
        name = kind if kind in compiler.shipped.names else "notification"
        began_s = time.perf_counter()
        compiler.compile(compiler.shipped.source(name, "en"))
        compiled_ms = (time.perf_counter() - began_s) * 1_000
        rendered_ms, written_ms, size = await _measure(renderer, mailer, kind, mails)
        rows.append(
            [kind, f"{compiled_ms:.0f}", f"{rendered_ms:.3f}", f"{written_ms:.3f}", f"{size:,}"]
        )
    print_table(["kind", "compile ms", "render ms", "render and write ms", "bytes"], rows)


async def _measure(
    renderer: FileTemplates, mailer: Mailer, kind: str, mails: int
) -> tuple[float, float, int]:
    rendered: list[float] = []
    written: list[float] = []
    size = 0
    for number in range(mails):
        letter = sample(
            kind, recipient_name=f"Recipient {number}", recipient_id=UUID(int=number + 1)
        )
        began_s = time.perf_counter()
        await renderer.render(letter, unsubscribe_url=PUBLIC_URL)
        rendered.append(time.perf_counter() - began_s)
        began_s = time.perf_counter()
        mail = await mailer.mail(letter, f"r{number}@example.org", now=NOW)
        written.append(time.perf_counter() - began_s)
        size = len(mail.content)
    return _median_ms(rendered), _median_ms(written), size


def _median_ms(times_s: list[float]) -> float:
    return sorted(times_s)[len(times_s) // 2] * 1_000


if __name__ == "__main__":
    asyncio.run(main())
