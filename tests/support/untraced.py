"""The environment of a program whose lines do not count to the coverage."""

from __future__ import annotations

import os


def untraced_environ() -> dict[str, str]:
    """Return our environment without what has coverage begin in a program.

    A program that is killed leaves no figures, and one that is traced takes half as long again to
    begin. Those of the launcher's tests and of tests/tasks begin and end in all ways, and count.
    """
    return {name: value for name, value in os.environ.items() if name[:8] != "COVERAGE"}
