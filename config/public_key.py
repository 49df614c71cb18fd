"""The public key that tokens are checked by, read from a PEM file (contract section 8)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PublicKeyAlgorithm = Literal["RS256", "ES256"]

# RFC 7518 section 3.3.
MIN_RSA_BITS = 2_048
# Four times as long takes sixteen times as long to check, on the loop.
MAX_RSA_BITS = 8_192

MAX_FILE_BYTES = 65_536

SUPPORTED = f"must be RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, or EC on P-256"


class PublicKeyUnusable(Exception):
    """There is no key there that tokens can be checked by."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def read_public_key(path: Path) -> PublicKey:
    """Return the one public key in the PEM file `path`. Raises PublicKeyUnusable."""
    pem = _content(path)
    if b"PRIVATE KEY-----" in pem:
        raise PublicKeyUnusable("holds a private key; give the public one")
    if pem.count(b"-----BEGIN ") > 1:
        raise PublicKeyUnusable("holds more than one key; several keys are given by a JWKS")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyUnusable("holds no public key in PEM form") from None
    return supported(key)


def is_asymmetric_key(secret: str) -> bool:
    """Tell whether `secret` is a key of another kind, which PyJWT never takes for a secret."""
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except InvalidKeyError:
        return True
    return False


def supported(key: object) -> PublicKey:
    """Return `key` when tokens may be signed with its private half. Raises PublicKeyUnusable."""
    match key:
        case rsa.RSAPublicKey() if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            return key
    raise PublicKeyUnusable(f"holds a key that is not supported: {SUPPORTED}")


def algorithm_of(key: PublicKey) -> PublicKeyAlgorithm:
    """Return the one algorithm that `key` is used with."""
    return "RS256" if isinstance(key, rsa.RSAPublicKey) else "ES256"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PublicKeyUnusable(f"cannot be read ({error.strerror})") from None
    if len(content) > MAX_FILE_BYTES:
        raise PublicKeyUnusable(f"is longer than {MAX_FILE_BYTES} bytes")
    return content
