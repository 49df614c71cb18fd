from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.secrets import SecretsUnusable, development_encryption_key, development_jwt_secret
from config.settings import SettingsError, read_settings


def test_who_writes_first_wins_when_several_start_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(development_jwt_secret, [tmp_path] * 64))
    assert len(secrets) == 1
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["jwt_secret"]


def test_a_secret_that_cannot_be_kept_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "secrets").touch()
    with pytest.raises(SecretsUnusable, match=r"cannot keep jwt_secret in .* \("):
        development_jwt_secret(tmp_path)


def test_a_key_file_that_was_emptied_is_not_silently_replaced(tmp_path: Path) -> None:
    development_encryption_key(tmp_path)
    (tmp_path / "secrets" / "encryption_key").write_text("")
    with pytest.raises(SettingsError, match="^SNB_DATA_DIR: .* is empty$"):
        read_settings({"SNB_DATA_DIR": str(tmp_path)})


def test_a_key_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    development_encryption_key(tmp_path)
    (tmp_path / "secrets" / "encryption_key").write_bytes(b"\xff")
    with pytest.raises(SecretsUnusable, match="not text"):
        development_encryption_key(tmp_path)
