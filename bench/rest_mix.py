"""What a platform asks all at once: each kind of request in the proportion that sizes are made of.

Of two hundred notifications (bench/sizing.py, `PER_NOTIFICATION`), but for those who connect: four
listings tell fifty followers each, ten are direct sends, and those who are told open them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

SHARES: Mapping[str, int] = {
    "mark-read": 80,
    "list": 60,
    "unread-count": 40,
    "direct-send": 10,
    "event": 4,
    "follow": 1,
}

WHOLE = sum(SHARES.values())

LISTING_FOLLOWERS = 50


def mixed(kinds: Mapping[str, Iterator[bytes]], count: int) -> list[bytes]:
    """Return `count` requests, those of each kind as evenly between the others as can be.

    Each time it is the turn of the kind that lacks most of its share.
    """
    lacking = dict.fromkeys(SHARES, 0)
    requests = []
    for _ in range(count):
        for name, share in SHARES.items():
            lacking[name] += share
        name = max(lacking, key=lacking.__getitem__)
        lacking[name] -= WHOLE
        requests.append(next(kinds[name]))
    return requests
