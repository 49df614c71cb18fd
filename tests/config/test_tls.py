"""Certificate and key are both there and fit, or nothing is started."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, read_settings
from tests.support.certificates import certificate


def settings(directory: Path, **variables: object) -> Settings:
    given = {f"SNB_{name}": str(value) for name, value in variables.items()}
    return read_settings({"SNB_DATA_DIR": str(directory / "var"), **given})


def test_with_a_certificate_the_service_is_at_https(tmp_path: Path) -> None:
    files = certificate(tmp_path, "notify.example")
    read = settings(tmp_path, TLS_CERT=files.cert, TLS_KEY=files.key, PORT=8443)
    assert read.tls == files
    assert read.public_url == "https://127.0.0.1:8443"


def test_without_one_it_is_not(tmp_path: Path) -> None:
    read = settings(tmp_path)
    assert (read.tls, read.public_url) == (None, "http://127.0.0.1:8000")


def test_one_without_the_other_is_refused(tmp_path: Path) -> None:
    files = certificate(tmp_path, "notify.example")
    with pytest.raises(SettingsError, match="^SNB_TLS_KEY: must be set, since SNB_TLS_CERT is$"):
        settings(tmp_path, TLS_CERT=files.cert)
    with pytest.raises(SettingsError, match="^SNB_TLS_CERT: must be set, since SNB_TLS_KEY is$"):
        settings(tmp_path, TLS_KEY=files.key)


@pytest.mark.parametrize(
    ("cert", "key", "problem"),
    [
        ("nowhere.pem", "good.key", "cannot be read (No such file or directory)"),
        ("good.pem", "nowhere.key", "cannot be read (No such file or directory)"),
        ("good.pem", "other.key", "cannot be used ("),
        ("good.key", "good.pem", "cannot be used ("),
        ("garbage", "good.key", "cannot be used ("),
        ("locked.pem", "locked.key", "cannot be used ("),
        (".", "good.key", "cannot be read (Is a directory)"),
    ],
)
def test_files_that_are_no_such_pair_are_one_line(
    tmp_path: Path, cert: str, key: str, problem: str
) -> None:
    certificate(tmp_path, "good")
    certificate(tmp_path, "other")
    certificate(tmp_path, "locked", passphrase=b"secret")
    (tmp_path / "garbage").write_text("no certificate")
    with pytest.raises(SettingsError, match=f"^SNB_TLS_CERT: .*{re.escape(problem)}") as refused:
        settings(tmp_path, TLS_CERT=tmp_path / cert, TLS_KEY=tmp_path / key)
    assert "\n" not in str(refused.value)
