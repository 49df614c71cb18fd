"""How old a row or a count of an inbox may be before more has to be asked of the store."""

from __future__ import annotations

from datetime import timedelta

RECENT = timedelta(seconds=30)
"""Rows positioned within this are known by id to a recount: longer than an announcement takes."""

RECOUNT_AFTER = timedelta(minutes=5)
"""A count older than this is read anew the next time its user does something."""
