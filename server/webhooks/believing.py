"""Why what says to come from a provider is not taken in."""

from __future__ import annotations


class NotBelieved(Exception):
    """It is not signed by the provider, or is not of what we have there, or is too old."""

    def __init__(self, provider: str, problem: str) -> None:
        super().__init__(f"{provider}: {problem}")
        self.provider = provider
        self.problem = problem


class ProviderAway(Exception):
    """What is needed to believe it, or to answer it, cannot be got from the provider now."""

    def __init__(self, provider: str, problem: str) -> None:
        super().__init__(f"{provider}: {problem}")
        self.provider = provider
        self.problem = problem
