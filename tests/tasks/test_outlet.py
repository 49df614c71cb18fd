from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rules.channel_health import ChannelHealth, Circuit
from rules.deliveries import Outcome, Permanent, Sent, Transient, Uncertain
from tasks.breaker import FIRST_OPEN_S, OPENS_AFTER
from tasks.outlet import Outlet
from tests.tasks.senders import RecordingSender, outlet_of

THEIR_TROUBLE = (Transient("503"), Transient("429", timedelta(seconds=9)), Uncertain("reset"))
AN_ANSWER = (Sent(), Permanent("550"), Transient("451 4.7.1", is_providers=False))


@pytest.fixture
def outlet() -> Outlet[Any]:
    return outlet_of(RecordingSender())


def observe(outlet: Outlet[Any], outcome: Outcome, times: int) -> None:
    for _ in range(times):
        outlet.observe(outcome)


def test_an_outlet_that_sent_nothing_is_well_as_far_as_it_knows(outlet: Outlet[Any]) -> None:
    assert outlet.health() == ChannelHealth(Circuit.CLOSED, 0, 0)
    assert outlet.health().success_rate is None


def test_health_counts_what_was_sent_and_everything_else(outlet: Outlet[Any]) -> None:
    observe(outlet, Sent(), 6)
    for outcome in (Permanent("550"), Transient("451", is_providers=False)):
        observe(outlet, outcome, 1)
    assert outlet.health() == ChannelHealth(Circuit.CLOSED, 6, 2)
    assert outlet.health().success_rate == 0.75


@pytest.mark.parametrize("outcome", THEIR_TROUBLE, ids=repr)
def test_a_provider_in_trouble_opens_the_circuit(outlet: Outlet[Any], outcome: Outcome) -> None:
    observe(outlet, outcome, OPENS_AFTER - 1)
    assert outlet.is_closed()
    observe(outlet, outcome, 1)
    assert not outlet.is_closed()
    assert outlet.health() == ChannelHealth(Circuit.OPEN, 0, OPENS_AFTER)
    assert FIRST_OPEN_S - 5 < outlet.rests_for_s() <= FIRST_OPEN_S


@pytest.mark.parametrize("outcome", AN_ANSWER, ids=repr)
def test_a_provider_that_answers_about_one_recipient_is_well(
    outlet: Outlet[Any], outcome: Outcome
) -> None:
    observe(outlet, THEIR_TROUBLE[0], OPENS_AFTER - 1)
    observe(outlet, outcome, 1)
    observe(outlet, THEIR_TROUBLE[0], OPENS_AFTER - 1)
    assert outlet.is_closed()
    assert outlet.rests_for_s() == 0.0
