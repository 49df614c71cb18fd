from __future__ import annotations

from collections import Counter
from itertools import repeat

from bench.rest_mix import SHARES, WHOLE, mixed

KINDS = {name: repeat(name.encode()) for name in SHARES}


def test_each_kind_has_its_share_of_a_whole_and_is_spread_over_it() -> None:
    requests = mixed(KINDS, WHOLE * 2)
    assert Counter(each.decode() for each in requests) == {
        name: share * 2 for name, share in SHARES.items()
    }
    # A quarter of them has a quarter of each, but for what is left over.
    quarter = Counter(each.decode() for each in requests[: WHOLE // 4])
    for name, share in SHARES.items():
        assert abs(quarter[name] - share / 4) <= 1
