"""`docs/retention.md` says of every collection how long it keeps what it has."""

from __future__ import annotations

import re
from pathlib import Path

from storage.indexes import INDEXES

ROOT = Path(__file__).parents[1]


def test_every_collection_has_its_row() -> None:
    """Whoever adds a collection says here what bounds it."""
    opening = re.compile(r'database\["(\w+)"\]')
    used = {
        name
        for path in (ROOT / "storage").rglob("*.py")
        for name in opening.findall(path.read_text())
    } | {index.collection for index in INDEXES}
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/retention.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    assert used <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}
