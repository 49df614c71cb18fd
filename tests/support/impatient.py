"""Run like `run.py all`, and replace stores that are silent for 3 s rather than for two minutes.

Run as `python -m tests.support.impatient`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.logging import configure_logging
from config.settings import read_settings
from server.launcher import launch
from server.store_watch import Patience

PROGRAM = Path(__file__).parents[2] / "run.py"
PATIENCE = Patience(ask_every_s=0.2, silent_s=3.0)

if __name__ == "__main__":
    settings = read_settings(os.environ)
    configure_logging(settings.log_format, settings.log_level)
    sys.exit(
        launch(settings, os.environ, program=PROGRAM, when_ready=lambda _: None, patience=PATIENCE)
    )
