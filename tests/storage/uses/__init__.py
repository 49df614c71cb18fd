"""Every way to use every repository: a module of `storage` has one of its name here, with `USES`.

A method that is no query of a part has its name in the module's `WITHOUT_USE`, and why. Both are
found by themselves. What the queries return is made in `tests/storage/filled/`.
"""

from __future__ import annotations

import importlib
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.storage.uses.use import Use

_MODULES = [importlib.import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]

USES: list[Use] = [use for module in _MODULES for use in getattr(module, "USES", ())]

WITHOUT_USE: set[Any] = {
    method for module in _MODULES for method in getattr(module, "WITHOUT_USE", ())
}
