"""How much a notification may say (contract section 2.1)."""

from __future__ import annotations

TITLE_LIMIT = 120
MESSAGE_LIMIT = 1_000

DATA_LIMIT_BYTES = 4_096
"""As JSON in UTF-8, without spaces."""

DATA_DEPTH_LIMIT = 16
"""Objects and lists within one another: MongoDB takes 100, and readers of JSON differ."""

MOST_BUTTONS = 3
BUTTON_TEXT_LIMIT = 24
ACTION_LIMIT = 64
"""Of a button's action, which clicks repeat."""
