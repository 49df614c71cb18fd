from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from config.public_key import MAX_FILE_BYTES, MAX_RSA_BITS, SUPPORTED, algorithm_of
from config.settings import Settings, SettingsError, read_settings

RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
SHORT_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
SECRET = "s" * 32
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pem(private: Private, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, form)


def private_pem(private: Private, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return private.private_bytes(Encoding.PEM, form, NoEncryption())


def settings(tmp_path: Path, content: bytes | None = None, **given: str) -> Settings:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
        given["SNB_JWT_PUBLIC_KEY_FILE"] = str(file)
    return read_settings({"SNB_DATA_DIR": str(tmp_path / "var"), **given})


@pytest.mark.parametrize(
    ("private", "content", "algorithm"),
    [
        (RSA, pem(RSA), "RS256"),
        (RSA, pem(RSA, PublicFormat.PKCS1), "RS256"),
        (RSA, b"issued in May\n\n" + pem(RSA), "RS256"),
        (P256, pem(P256), "ES256"),
    ],
)
def test_the_type_of_the_key_says_what_it_is_used_with(
    tmp_path: Path, private: Private, content: bytes, algorithm: str
) -> None:
    key = settings(tmp_path, content).jwt_public_key
    assert key == private.public_key()
    assert key is not None
    assert algorithm_of(key) == algorithm


BAD_FILES = {
    "empty": (b"", "holds no public key in PEM form"),
    "not PEM": (b"ssh-rsa AAAAB3NzaC1yc2E me@home", "holds no public key in PEM form"),
    "broken": (
        pem(RSA)[:60] + b"\n-----END PUBLIC KEY-----\n",
        "holds no public key in PEM form",
    ),
    "private": (private_pem(RSA), "holds a private key; give the public one"),
    "private, as OpenSSL writes it": (
        private_pem(P256, PrivateFormat.TraditionalOpenSSL),
        "holds a private key; give the public one",
    ),
    "two": (pem(RSA) + pem(P256), "holds more than one key; several keys are given by a JWKS"),
    "RSA, too short": (pem(SHORT_RSA), f"holds a key that is not supported: {SUPPORTED}"),
    "EC on another curve": (pem(P384), f"holds a key that is not supported: {SUPPORTED}"),
    "another type": (pem(ED25519), f"holds a key that is not supported: {SUPPORTED}"),
    "endless": (b" " * (MAX_FILE_BYTES + 1), f"is longer than {MAX_FILE_BYTES} bytes"),
}


@pytest.mark.parametrize(("content", "problem"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, content)
    assert str(refused.value) == f"SNB_JWT_PUBLIC_KEY_FILE: {tmp_path / 'key.pem'} {problem}"


def test_an_rsa_key_that_takes_long_to_check_is_refused(tmp_path: Path) -> None:
    # The modulus only has to be long: nobody signs with it.
    numbers = rsa.RSAPublicNumbers(65_537, (1 << MAX_RSA_BITS) + 1)
    content = numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(SettingsError, match="not supported"):
        settings(tmp_path, content)


@pytest.mark.parametrize("named", ["absent.pem", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, named: str) -> None:
    path = tmp_path / named
    with pytest.raises(SettingsError, match=r"^SNB_JWT_PUBLIC_KEY_FILE: .* cannot be read \("):
        settings(tmp_path, SNB_JWT_PUBLIC_KEY_FILE=str(path))


def test_without_public_keys_tokens_are_signed_with_the_secret_alone(tmp_path: Path) -> None:
    read = settings(tmp_path)
    assert (read.jwt_public_key, read.jwt_jwks_url) == (None, None)
    assert (read.jwt_issuer, read.jwt_audience) == (None, None)
    assert read.jwt_secret
    assert read.has_demo


@pytest.mark.parametrize("env", ["development", "production"])
@pytest.mark.parametrize("is_file", [True, False])
def test_beside_public_keys_only_a_named_secret_is_one(
    tmp_path: Path, env: str, *, is_file: bool
) -> None:
    given = {"SNB_ENV": env, "SNB_ENCRYPTION_KEYS": KEY}
    given |= dict.fromkeys(
        ("SNB_EMAIL_URL", "SNB_PUSH_URL", "SNB_SMS_URL", "SNB_IMAGES_URL"), "file:"
    )
    if not is_file:
        given["SNB_JWT_JWKS_URL"] = "https://issuer.example/jwks"
    content = pem(P256) if is_file else None
    unnamed = settings(tmp_path, content, **given)
    assert unnamed.jwt_secret is None
    assert not unnamed.has_demo
    assert not (tmp_path / "var").exists()
    named = settings(tmp_path, content, **given, SNB_JWT_SECRET=SECRET)
    assert named.jwt_secret == SECRET
    assert named.has_demo == (env == "development")


def test_issuer_audience_and_url_are_taken_as_they_are(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        SNB_JWT_ISSUER="https://issuer.example/",
        SNB_JWT_AUDIENCE="notifications",
        SNB_JWT_JWKS_URL="https://me:hunter2@issuer.example/jwks?v=1",
    )
    assert (read.jwt_issuer, read.jwt_audience) == ("https://issuer.example/", "notifications")
    assert read.jwt_jwks_url == "https://me:hunter2@issuer.example/jwks?v=1"
    assert "hunter2" not in repr(read)


@pytest.mark.parametrize("url", ["issuer.example/jwks", "file:///etc/jwks.json", "https://"])
def test_a_jwks_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, SNB_JWT_JWKS_URL=url)
    assert str(refused.value) == "SNB_JWT_JWKS_URL: must be a URL such as https://host"


@pytest.mark.parametrize("content", [pem(RSA), private_pem(P256)])
def test_a_key_is_no_secret(tmp_path: Path, content: bytes) -> None:
    """Whoever knows the public key could sign with it."""
    with pytest.raises(SettingsError, match="^SNB_JWT_SECRET: is an asymmetric key; see"):
        settings(tmp_path, SNB_JWT_SECRET=content.decode())
