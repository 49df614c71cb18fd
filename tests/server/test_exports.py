from __future__ import annotations

from uuid import UUID

import pytest

from server.exports import MOST_AT_ONCE, Exports, ExportsBusy

ANNA = UUID(int=0)


def test_of_one_user_there_is_one_at_a_time() -> None:
    exports = Exports()
    with exports.running(ANNA), pytest.raises(ExportsBusy), exports.running(ANNA):
        pass
    with exports.running(ANNA):
        pass


def test_one_that_failed_has_ended() -> None:
    exports = Exports()
    with pytest.raises(ZeroDivisionError), exports.running(ANNA):
        raise ZeroDivisionError
    with exports.running(ANNA):
        pass


def test_there_is_room_for_some_at_once() -> None:
    exports = Exports()
    running = [exports.running(UUID(int=n)) for n in range(MOST_AT_ONCE)]
    for each in running:
        each.__enter__()
    with pytest.raises(ExportsBusy), exports.running(UUID(int=99)):
        pass
    running[3].__exit__(None, None, None)
    with exports.running(UUID(int=99)):
        pass
