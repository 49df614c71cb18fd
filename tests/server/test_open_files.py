"""How many sockets there is room for, by how many files may be open."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from server.open_files import file_limit, raise_file_limit, room_for, shortage


@pytest.fixture
def low_soft_limit() -> Iterator[int]:
    """Have a soft limit below the hard one for a while; return the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(hard - 1, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_is_raised_to_the_hard_one(low_soft_limit: int) -> None:
    assert file_limit() < low_soft_limit
    raise_file_limit()
    assert file_limit() == low_soft_limit


@pytest.mark.parametrize(
    ("sockets", "files", "room"),
    [
        pytest.param(20_000, 1_048_576, 20_000, id="plenty"),
        pytest.param(20_000, 21_000, 20_000, id="just enough"),
        pytest.param(20_000, 20_999, 19_999, id="one too few"),
        pytest.param(20_000, 1_024, 512, id="next to none: half of them for sockets"),
        pytest.param(10, 1_024, 10, id="few are wanted"),
    ],
)
def test_some_files_are_left_for_all_else(sockets: int, files: int, room: int) -> None:
    assert room_for(sockets, files) == room


def test_a_shortage_names_what_is_wanted_and_what_there_is() -> None:
    assert shortage(20_000, 21_000) is None
    problem = shortage(20_000, 4_096)
    assert problem is not None
    for figure in ("room for 3096 sockets", "SNB_SOCKETS is 20000", "only 4096 open", "21000 are"):
        assert figure in problem
