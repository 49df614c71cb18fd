"""Which event loop processes run on."""

from __future__ import annotations

import asyncio
import sys

import pytest
import uvloop

from config.event_loop import new_event_loop


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "not there"])
def test_libuvs_loop_is_taken_where_it_can_be_had(
    monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    if not is_there:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop) is is_there
        assert runner.run(asyncio.sleep(0, "ran")) == "ran"
