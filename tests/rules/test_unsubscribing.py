from __future__ import annotations

from dataclasses import fields

import pytest

from rules.kinds import KINDS
from rules.preferences import Preferences
from rules.unsubscribing import Scope, scope_of


@pytest.mark.parametrize("kind", KINDS)
def test_only_digests_and_promotions_have_a_link_of_their_own(kind: str) -> None:
    own = {"weekly_digest": Scope.WEEKLY_DIGEST, "promotional": Scope.PROMOTIONAL}
    assert scope_of(kind) is own.get(kind, Scope.ALL)


def test_each_scope_switches_a_preference_of_its_own() -> None:
    switched = {scope: scope.preference for scope in Scope}
    assert switched == {
        Scope.ALL: "email_notifications",
        Scope.WEEKLY_DIGEST: "weekly_digest",
        Scope.PROMOTIONAL: "promotional_notifications",
    }
    assert set(switched.values()) <= {field.name for field in fields(Preferences)}
