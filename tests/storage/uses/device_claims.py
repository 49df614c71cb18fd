"""Uses of the claims to device tokens."""

from __future__ import annotations

from storage.device_claims import DeviceClaims
from tests.storage.filled.asked import CIPHER, DEVICES, SETTLER, TOKENS
from tests.storage.uses.devices import devices_again
from tests.storage.uses.use import Use, counted, is_found

USES = [
    Use(
        DeviceClaims.claim,
        lambda stores: is_found(stores.devices.claims.claim(SETTLER, TOKENS[3])),
        restore=devices_again,
    ),
    Use(
        DeviceClaims.claimed,
        lambda stores: counted(
            stores.devices.claims.claimed(CIPHER.lookup_hash(token) for token in TOKENS)
        ),
        restore=devices_again,
    ),
    Use(
        DeviceClaims.release,
        lambda stores: stores.devices.claims.release(CIPHER.lookup_hash(TOKENS[3]), DEVICES[3]),
        restore=devices_again,
    ),
]

# It asks nothing while there is one key.
WITHOUT_USE = {DeviceClaims.forget_older}
