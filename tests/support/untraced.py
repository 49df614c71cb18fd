"""The environment of a program whose lines do not count to the coverage."""

from __future__ import annotations

from collections.abc import Mapping


def untraced(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without what has coverage begin in a program.

    A program that is killed leaves no figures, and one that is traced takes half as long again to
    begin. Those of the launcher's tests and of tests/tasks begin and end in all ways, and count.
    """
    return {name: value for name, value in environ.items() if name[:8] != "COVERAGE"}
