"""The lanes that the tests of this package give work."""

from __future__ import annotations

from tests.actors.lanes.works import works

__all__ = ["works"]
