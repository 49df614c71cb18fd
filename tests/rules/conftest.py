"""Property tests take as long as the machine needs; none of them may fail for being slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("rules", deadline=None, database=None)
settings.load_profile("rules")
