"""Serve like `run.py serve`, and take for dead who is silent for 12 s rather than for a minute.

Run as `python -m tests.support.vigilant`. It beats and looks twelve times as often as the minute is
longer, so that a machine that is slow for seconds kills nobody.
"""

from __future__ import annotations

import os
import sys

import rules.heartbeats
import server.timetable
from config.logging import configure_logging
from config.settings import read_settings
from server.serve import run_server

EXPIRES_AFTER_S = 12.0
BEAT_EVERY_S = 1.0

if __name__ == "__main__":
    settings = read_settings(os.environ)
    configure_logging(settings.log_format, settings.log_level)
    rules.heartbeats.EXPIRES_AFTER_S = EXPIRES_AFTER_S
    server.timetable.BEAT_EVERY_S = BEAT_EVERY_S  # type: ignore[attr-defined]
    sys.exit(run_server(settings))
