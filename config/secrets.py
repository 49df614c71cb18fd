"""Development secrets: generated once in the data directory, recognised and refused in production.

They live in `DATA_DIR/secrets/`, readable by their owner only. Each is written whole or not at
all, and who writes first wins, because server and worker may start at the same moment.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

# RFC 7518 section 3.2: an HS256 key is at least as long as the hash.
MIN_JWT_SECRET_BYTES = 32
# AES-256.
ENCRYPTION_KEY_BYTES = 32
# What is generated begins with these, so that a copy is recognised wherever it turns up.
JWT_SECRET_MARK = "development-"  # noqa: S105 - a mark, not a secret
ENCRYPTION_KEY_MARK = b"SNB-DEV\0"


class SecretsUnusable(Exception):
    """A secret cannot be kept or read, or is malformed."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def development_jwt_secret(data_dir: Path) -> str:
    """Return the HS256 secret of this data directory, generating it at the first call."""
    return _once(data_dir / "secrets" / "jwt_secret", JWT_SECRET_MARK + secrets.token_urlsafe(32))


def development_encryption_key(data_dir: Path) -> str:
    """Return the base64 encryption key of this data directory, generating it at the first call."""
    random = secrets.token_bytes(ENCRYPTION_KEY_BYTES - len(ENCRYPTION_KEY_MARK))
    key = base64.b64encode(ENCRYPTION_KEY_MARK + random).decode("ascii")
    return _once(data_dir / "secrets" / "encryption_key", key)


def is_development_jwt_secret(secret: str) -> bool:
    """Tell whether `secret` was generated for development."""
    return secret.startswith(JWT_SECRET_MARK)


def is_development_key(key: bytes) -> bool:
    """Tell whether `key` was generated for development."""
    return key.startswith(ENCRYPTION_KEY_MARK)


def decode_encryption_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys of a comma separated base64 list, newest first.

    Raises `SecretsUnusable`, which repeats nothing of the text.
    """
    keys = tuple(_decode_key(part.strip()) for part in text.split(","))
    if len(set(keys)) != len(keys):
        raise SecretsUnusable("names the same key twice")
    return keys


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != ENCRYPTION_KEY_BYTES:
        problem = f"must be base64 of {ENCRYPTION_KEY_BYTES} bytes each, comma separated"
        raise SecretsUnusable(problem)
    return key


def _once(path: Path, fresh: str) -> str:
    """Return what `path` holds; when there is nothing yet, `fresh` from now on."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, fresh)
        kept = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SecretsUnusable(f"cannot keep {path.name} in {path.parent} ({reason})") from None
    if not kept:
        raise SecretsUnusable(f"{path} is empty")
    return kept


def _create(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails where a rename would overwrite what another process has just written.
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
