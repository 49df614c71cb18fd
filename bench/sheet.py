"""What is written down while the table is measured: the figures of each row, round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.options import progress
from bench.peers import Peer
from bench.profiler import profiled
from bench.report import medians
from bench.wire_tally import Forget, Tell

MUST_BE_ZERO = ("failed", "lost", "repeated", "connections_lost")

MEMORY = "rss_kib"
"""Later rounds find what the first has taken, so it is the first that counts."""

Figures = Mapping[str, float]


class Sheet:
    """Has the rows that are wanted measured `rounds` times each, and keeps what comes of it."""

    def __init__(
        self,
        wanted: Iterable[str],
        *,
        rounds: int,
        profile_dir: Path | None = None,
        has_counts: bool = True,
    ) -> None:
        self.wanted = frozenset(wanted)
        self.rounds = rounds
        self.has_counts = has_counts
        """Whether round trips are to be counted, in rounds of their own."""

        self.figures: dict[str, list[Figures]] = {}
        self.asked: dict[str, dict[str, float]] = {}
        """Row -> command and collection -> how often for one operation."""

        self.row_bytes: float | None = None
        """What a stored notification is long, as BSON."""

        self.at_rest: dict[str, float] = {}
        """Process -> what it uses of a core when nothing is asked of it."""

        self.complaints: list[str] = []
        self._profile = profile_dir / "profile.svg" if profile_dir else None

    def wants(self, *names: str) -> bool:
        """Tell whether any of the rows is wanted."""
        return not self.wanted.isdisjoint(names)

    def fill(
        self,
        name: str,
        measure: Callable[[int], Figures],
        *,
        profiled_pid: int,
        rounds: int | None = None,
    ) -> None:
        """Measure the row if it is wanted; `measure` is given the number of the round."""
        if name not in self.wanted:
            return
        with profiled(profiled_pid, self._profile, name):
            for number in range(rounds or self.rounds):
                progress(f"{name}, round {number + 1}")
                self.figures.setdefault(name, []).append(measure(number))

    def count(self, name: str, measure: Callable[[int], Figures], tally: Peer) -> None:
        """Have `tally` count what one round more of the row asks of the store."""
        if name not in self.wanted:
            return
        progress(f"{name}, counted")
        tally.call(Forget())
        operations = measure(self.rounds)["operations"]
        asked: Counter[str] = tally.call(Tell()).result
        self.asked[name] = {each: times / operations for each, times in asked.most_common()}

    def medians(self) -> dict[str, dict[str, float]]:
        """Return the medians of each row, with its round trips where they were counted."""
        middles = {name: medians(each) for name, each in self.figures.items()}
        for name, each in self.figures.items():
            if MEMORY in middles[name]:
                middles[name][MEMORY] = each[0][MEMORY]
        for name, asked in self.asked.items():
            middles[name]["trips"] = sum(asked.values())
        if self.row_bytes is not None and "fanout" in middles:
            middles["fanout"]["row_bytes"] = self.row_bytes
        return middles

    @property
    def faults(self) -> int:
        """What failed, was lost or came twice, in all rounds of all rows."""
        every = [each for rounds in self.figures.values() for each in rounds]
        return int(sum(each.get(name, 0) for each in every for name in MUST_BE_ZERO))
