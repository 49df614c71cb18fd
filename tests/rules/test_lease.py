from __future__ import annotations

from rules.lease import Lease


def test_a_lease_names_the_place_and_the_incarnation() -> None:
    assert str(Lease("here:8000", 3)) == "here:8000#3"


def test_incarnations_of_one_place_are_told_apart() -> None:
    assert str(Lease("here:8000", 3)) != str(Lease("here:8000", 4))
    assert Lease("here:8000", 3) != Lease("here:8000", 4)
