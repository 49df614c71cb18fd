"""Where the embedded stores of a running service are, for who is started beside it.

The launcher writes it down in the data directory for as long as it runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "stores.json"


def write_uris(data_dir: Path, uris: Mapping[str, str]) -> None:
    """Write `{variable: URI}` down, whole or not at all."""
    draft = data_dir / f"{FILE_NAME}.new"
    draft.write_text(json.dumps(dict(uris)), "utf-8")
    draft.replace(data_dir / FILE_NAME)


def forget_uris(data_dir: Path) -> None:
    """Forget what was written; nothing happens when nothing was."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def read_uris(data_dir: Path) -> dict[str, str]:
    """Return what a running service has written down, nothing when none runs there."""
    try:
        uris: dict[str, str] = json.loads((data_dir / FILE_NAME).read_text("utf-8"))
    except OSError:
        return {}
    return uris
