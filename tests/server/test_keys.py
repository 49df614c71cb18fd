from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from config.public_key import MAX_RSA_BITS
from server.auth import InvalidToken
from server.keys import (
    MAX_PUBLISHED_KEYS,
    JwksUnusable,
    TokenHeader,
    VerificationKey,
    read_header,
    read_jwks,
    signed_claims,
)
from tests.support.api import SECRET, token
from tests.support.issuer import SigningKey, ec_signing, rsa_key, rsa_signing

RSA = rsa_signing()
EC = ec_signing()
RSA_KEY = VerificationKey("RS256", rsa_key("rsa-1").public_key(), "rsa-1")
EC_KEY = VerificationKey("ES256", EC.private.public_key(), "ec-1")
SECRET_KEY = VerificationKey("HS256", SECRET)
ALL_KEYS = (SECRET_KEY, RSA_KEY, EC_KEY)


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwks(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


@pytest.mark.parametrize(
    ("good", "key"),
    [(token(), SECRET_KEY), (RSA.token(), RSA_KEY), (EC.token(), EC_KEY)],
    ids=["HS256", "RS256", "ES256"],
)
def test_the_signature_holds_by_the_key_it_was_made_for(good: str, key: VerificationKey) -> None:
    signed = signed_claims(good, [key])
    assert signed is not None
    assert signed[0] is key
    assert signed[1]["user_type"] == "customer"
    assert key.fits(read_header(good))
    assert [other for other in ALL_KEYS if other.fits(read_header(good))] == [key]


def test_the_secret_is_not_chosen_for_a_token_signed_with_the_text_of_a_public_key() -> None:
    """The classic confusion: the public key, known to all, taken for the secret of HS256."""
    for signing, key in ((RSA, RSA_KEY), (EC, EC_KEY)):
        signed = f"{part({'alg': 'HS256', 'kid': signing.key_id})}.{part({'sub': 'x'})}"
        mac = hmac.new(signing.pem(), signed.encode(), hashlib.sha256).digest()
        forged = f"{signed}.{part(mac)}"
        assert not key.fits(read_header(forged))
        assert signed_claims(forged, [SECRET_KEY]) is None
        with pytest.raises(InvalidToken):
            signed_claims(forged, [key])


@pytest.mark.parametrize("algorithm", ["none", "None", "RS384", "PS256", "HS512", "ES384", "EdDSA"])
def test_no_key_is_used_with_another_algorithm(algorithm: str) -> None:
    unexpected = f"{part({'alg': algorithm})}.{part({'sub': 'x'})}."
    assert not any(key.fits(read_header(unexpected)) for key in ALL_KEYS)
    for key in ALL_KEYS:
        with pytest.raises(InvalidToken):
            signed_claims(unexpected, [key])


@pytest.mark.parametrize(
    ("key_id", "named", "fits"),
    [("a", "a", True), ("a", "b", False), ("a", None, True), (None, "a", True), (None, None, True)],
)
def test_a_key_fits_by_its_name_where_both_have_one(
    key_id: str | None, named: str | None, *, fits: bool
) -> None:
    key = VerificationKey("ES256", EC_KEY.material, key_id)
    assert key.fits(TokenHeader("ES256", named)) is fits


def test_of_several_keys_the_right_one_is_found() -> None:
    other = VerificationKey("RS256", rsa_key("other").public_key())
    signed = signed_claims(RSA.token(), [other, RSA_KEY])
    assert signed is not None
    assert signed[0] is RSA_KEY
    assert signed_claims(RSA.token(), [other]) is None
    assert signed_claims(RSA.token(), []) is None


HEAD, CLAIMS, SIGNATURE = RSA.token().split(".")

MALFORMED = {
    "nothing": "",
    "no dots": "abc",
    "two dots": "..",
    "a header that is no JSON": f"{part(b'{')}.{CLAIMS}.{SIGNATURE}",
    "a header that is no object": f"{part([])}.{CLAIMS}.{SIGNATURE}",
    "a header nested without end": f"{part(b'[' * 4_000)}.{CLAIMS}.{SIGNATURE}",
    "no algorithm": f"{part({})}.{CLAIMS}.{SIGNATURE}",
    "a list for an algorithm": f"{part({'alg': ['RS256']})}.{CLAIMS}.{SIGNATURE}",
    "a number for a key": f"{part({'alg': 'RS256', 'kid': 1})}.{CLAIMS}.{SIGNATURE}",
    "not ASCII": f"{HEAD}.{CLAIMS}.é",
    "half a character": f"{HEAD}.{CLAIMS}.\ud800",
    "too long": "a" * 9_000,
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_token_says_nothing_of_its_signature(bad: str) -> None:
    with pytest.raises(InvalidToken):
        read_header(bad)


@pytest.mark.parametrize("claims", [b"[]", b"7", b"{", b"\xff", b"[" * 2_000])
def test_what_is_signed_must_be_an_object(claims: bytes) -> None:
    signed = f"{part({'alg': 'HS256'})}.{part(claims)}"
    mac = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    with pytest.raises(InvalidToken):
        signed_claims(f"{signed}.{part(mac)}", [SECRET_KEY])


def test_the_keys_of_a_set_are_read_with_their_names() -> None:
    unnamed = ec_signing(None)
    read = read_jwks(jwks(RSA.jwk(), EC.jwk(use="sig", alg="ES256"), unnamed.jwk()))
    assert read == (
        RSA_KEY,
        EC_KEY,
        VerificationKey("ES256", unnamed.private.public_key()),
    )


P384 = SigningKey(ec.generate_private_key(ec.SECP384R1()), "p384")

LEFT_OUT = {
    "a secret": {"kty": "oct", "kid": "s", "k": part(SECRET.encode())},
    "another type": {"kty": "OKP", "crv": "Ed25519", "x": part(b"x" * 32)},
    "no type": {"kid": "a"},
    "another curve": P384.jwk(),
    "another algorithm for RSA": RSA.jwk(alg="RS512"),
    "the algorithm of a secret": RSA.jwk(alg="HS256"),
    "another algorithm for EC": EC.jwk(alg="RS256"),
    "a key to encrypt with": RSA.jwk(use="enc"),
    "a key for other operations": RSA.jwk(key_ops=["encrypt"]),
    "operations that are no list": RSA.jwk(key_ops="verify-not"),
    "a key that is too short": SigningKey(rsa_key("short", 1_024), "short").jwk(),
    "a key that is too long": RSA.jwk(n=part(b"\xff" * (MAX_RSA_BITS // 8 + 1))),
    "an exponent of one": RSA.jwk(e=part(b"\x01")),
    "no modulus": {"kty": "RSA", "e": "AQAB"},
    "a number for a modulus": RSA.jwk(n=7),
    "a modulus that is not base64": RSA.jwk(n="é"),
    "a point that is not on the curve": EC.jwk(x=part(b"\x01" * 32)),
    "half a point": {"kty": "EC", "crv": "P-256", "x": EC.jwk()["x"]},
    "a coordinate that is too short": EC.jwk(x=part(b"\x01")),
    "a number for a name": RSA.jwk(kid=7),
    "no object": "key",
    "nothing": None,
}


@pytest.mark.parametrize("entry", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_cannot_be_used_is_left_out_and_the_rest_is_taken(entry: Any) -> None:
    assert read_jwks(jwks(entry, EC.jwk())) == (EC_KEY,)


def test_a_private_key_that_was_published_is_taken_for_its_public_half() -> None:
    assert isinstance(EC.private, ec.EllipticCurvePrivateKey)
    rsa_entry = RSAAlgorithm.to_jwk(rsa_key("rsa-1"), as_dict=True) | {"kid": "rsa-1"}
    ec_entry = ECAlgorithm.to_jwk(EC.private, as_dict=True) | {"kid": "ec-1"}
    entries = [{**entry, "key_ops": ["sign", "verify"]} for entry in (rsa_entry, ec_entry)]
    assert "d" in rsa_entry
    assert read_jwks(jwks(*entries)) == (RSA_KEY, EC_KEY)


def test_a_set_may_be_empty() -> None:
    assert read_jwks(jwks()) == ()


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b"7", b"null", b"{}", b'{"keys": {}}', b'{"keys": null}', b"\xff"],
)
def test_another_document_is_no_set(document: bytes) -> None:
    with pytest.raises(JwksUnusable, match="is no JWK set"):
        read_jwks(document)


def test_a_set_without_end_is_refused_as_a_whole() -> None:
    with pytest.raises(JwksUnusable, match=f"more than {MAX_PUBLISHED_KEYS} keys"):
        read_jwks(jwks(*[EC.jwk()] * (MAX_PUBLISHED_KEYS + 1)))


def test_a_key_shows_nothing_of_itself() -> None:
    assert SECRET not in repr(SECRET_KEY)
