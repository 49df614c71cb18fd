"""Every way to use every repository: a module of `storage` has one of its name here, with `USES`.

They are found by themselves. What the queries return is made in `tests/storage/filled/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.storage.uses.use import Use

USES: list[Use] = [
    use
    for found in pkgutil.iter_modules(__path__)
    for use in getattr(importlib.import_module(f"{__name__}.{found.name}"), "USES", ())
]
