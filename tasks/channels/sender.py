"""What every channel does: hand one letter to its provider, once, and say how that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from tasks.letter import Destination

if TYPE_CHECKING:
    from rules.deliveries import Outcome
    from tasks.letter import Letter
    from tasks.permit import Permit

To_contra = TypeVar("To_contra", bound=Destination, contravariant=True)


class Sender(Protocol[To_contra]):
    """One channel over one provider."""

    async def send(self, letter: Letter, to: To_contra, permit: Permit) -> Outcome:
        """Send `letter` and return how it ended; within the sender's own deadline.

        Whatever the provider or the network does is an outcome, never an exception: `Uncertain`
        from the moment at which the provider may have taken it. Immediately before that moment,
        in whatever thread, it calls `permit.check()`, which raises `PermitExpired`; that one is
        let through. No outcome's text holds an address, a number or a token.
        """

    async def close(self) -> None:
        """Give connections back."""
