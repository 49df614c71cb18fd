"""Cut time into windows so that whoever cuts it again gets the same ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def middle(since: datetime, until: datetime) -> datetime | None:
    """Return where to cut the window from `since` to before `until`, None within a millisecond.

    It is the one time in between that the largest power of two of milliseconds divides, so it does
    not depend on where exactly the ends are.
    """
    first, last = (since - _EPOCH) // _MILLISECOND, (until - _EPOCH) // _MILLISECOND - 1
    if last <= first:
        return None
    bits = (first ^ last).bit_length() - 1
    return _EPOCH + (last >> bits << bits) * _MILLISECOND
