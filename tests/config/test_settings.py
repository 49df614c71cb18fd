from __future__ import annotations

import base64
from ipaddress import ip_network
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, read_settings

KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()
SECRET = "s" * 32
FILES = dict.fromkeys(("SNB_EMAIL_URL", "SNB_PUSH_URL", "SNB_SMS_URL", "SNB_IMAGES_URL"), "file:")
"""Production wants to hear from its operator that messages go nowhere."""


def settings(tmp_path: Path, **given: str) -> Settings:
    return read_settings({"SNB_DATA_DIR": str(tmp_path), **given})


def test_an_empty_environment_gives_the_documented_defaults(tmp_path: Path) -> None:
    read = settings(tmp_path, SNB_PORT="", PATH="/bin")
    assert (read.env, read.host, read.port) == ("development", "127.0.0.1", 8000)
    assert read.public_url == "http://127.0.0.1:8000"
    assert read.mongodb_uri is None
    assert read.mongodb_database == "savenbite_notifications"
    assert (read.redis_url, read.queue_redis_url) == (None, None)
    assert (read.processes, read.process_port, read.workers) == (1, None, 16)
    assert (read.allowed_origins, read.trusted_proxies) == ((), ())
    assert (read.log_format, read.log_level) == ("console", "info")
    assert read.instance.endswith(":8000")
    assert not read.is_production


def test_processes_find_one_another_in_the_directory_that_is_given(tmp_path: Path) -> None:
    assert settings(tmp_path).links_dir is None
    assert settings(tmp_path, SNB_LINKS_DIR="/run/snb").links_dir == Path("/run/snb")
    assert settings(tmp_path, SNB_LINKS_DIR="links").links_dir == Path("links").absolute()


def test_ports_of_processes_begin_where_it_is_said(tmp_path: Path) -> None:
    read = settings(tmp_path, SNB_PROCESSES="4", SNB_PROCESS_PORT="8001")
    assert (read.port, read.process_port) == (8000, 8001)
    for first, problem in (
        ("7997", "7997 to 8000 hold SNB_PORT 8000"),
        ("65533", "must be a whole number from 0 to 65532"),
    ):
        with pytest.raises(SettingsError) as refused:
            settings(tmp_path, SNB_PROCESSES="4", SNB_PROCESS_PORT=first)
        assert str(refused.value) == f"SNB_PROCESS_PORT: {problem}"


def test_the_queue_shares_the_redis_that_is_given_unless_it_has_its_own(tmp_path: Path) -> None:
    shared = settings(tmp_path, SNB_REDIS_URL="redis://bus/0")
    assert shared.queue_redis_url == "redis://bus/0"
    own = settings(tmp_path, SNB_REDIS_URL="redis://bus/0", SNB_QUEUE_REDIS_URL="rediss://queue/1")
    assert (own.redis_url, own.queue_redis_url) == ("redis://bus/0", "rediss://queue/1")


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:p%40ss@a:27017,b:27018,c/db?replicaSet=rs0",
        "mongodb://[::1]:27017",
        "mongodb+srv://cluster.example/db",
    ],
)
def test_a_database_may_have_several_hosts(tmp_path: Path, uri: str) -> None:
    assert settings(tmp_path, SNB_MONGODB_URI=uri).mongodb_uri == uri


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SNB_HOST": "0.0.0.0", "SNB_PORT": "9"}, "http://127.0.0.1:9"),
        ({"SNB_HOST": "::", "SNB_PORT": "9"}, "http://[::1]:9"),
        ({"SNB_PUBLIC_URL": "https://notify.example/base/"}, "https://notify.example/base"),
    ],
)
def test_the_public_url_can_be_visited(
    tmp_path: Path, given: dict[str, str], expected: str
) -> None:
    assert settings(tmp_path, **given).public_url == expected


def test_lists_are_trimmed_and_normalised(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        SNB_ALLOWED_ORIGINS=" https://App.example/, http://localhost:3000 ,",
        SNB_TRUSTED_PROXIES="10.0.0.7/8, ::1",
        SNB_METRICS_ALLOW="192.0.2.0/24, 2001:db8::/32",
        SNB_ENCRYPTION_KEYS=f"{KEY}, {OTHER_KEY}",
    )
    assert read.allowed_origins == ("https://app.example", "http://localhost:3000")
    assert read.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert read.metrics_allow == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert read.encryption_keys == (b"k" * 32, b"o" * 32)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("SNB_ENV", "prod", "must be one of development, production"),
        ("SNB_PORT", "http", "must be a whole number from 0 to 65535"),
        ("SNB_PORT", "65536", "must be a whole number from 0 to 65535"),
        ("SNB_PORT", "-1", "must be a whole number from 0 to 65535"),
        ("SNB_PROCESSES", "0", "must be a whole number from 1 to 64"),
        ("SNB_PROCESS_PORT", "65536", "must be a whole number from 0 to 65535"),
        ("SNB_PROCESS_PORT", "8000", "8000 to 8000 hold SNB_PORT 8000"),
        ("SNB_WORKERS", "257", "must be a whole number from 1 to 256"),
        ("SNB_WORKERS", "1.5", "must be a whole number from 1 to 256"),
        ("SNB_PUBLIC_URL", "notify.example", "must be a URL such as https://host"),
        ("SNB_MONGODB_URI", "postgres://db", "must be a URL such as mongodb://host"),
        ("SNB_REDIS_URL", "redis:6379", "must be a URL such as redis://host"),
        ("SNB_REDIS_URL", "redis://bus:port", "must be a URL such as redis://host"),
        ("SNB_REDIS_URL", "redis://:6379", "must be a URL such as redis://host"),
        ("SNB_MONGODB_URI", "mongodb://a:1,b:70000", "must be a URL such as mongodb://host"),
        ("SNB_MONGODB_URI", "mongodb://a:1,", "must be a URL such as mongodb://host"),
        ("SNB_PUBLIC_URL", "https://notify.example:0", "must be a URL such as https://host"),
        ("SNB_QUEUE_REDIS_URL", "http://[", "must be a URL such as redis://host"),
        ("SNB_MONGODB_DATABASE", "a.b", "must match [A-Za-z0-9_-]{1,63}"),
        ("SNB_INSTANCE", "a b", "must match [A-Za-z0-9._:@/-]{1,128}"),
        ("SNB_LOG_FORMAT", "xml", "must be one of console, json"),
        ("SNB_LOG_LEVEL", "loud", "must be one of info, debug, warning, error"),
        ("SNB_JWT_SECRET", "short", "must be at least 32 bytes long"),
        ("SNB_ENCRYPTION_KEYS", "abc", "must be base64 of 32 bytes each, comma separated"),
        ("SNB_ENCRYPTION_KEYS", f"{KEY},{KEY}", "names the same key twice"),
        ("SNB_ALLOWED_ORIGINS", "app.example", "must be origins such as https://app.example"),
        (
            "SNB_ALLOWED_ORIGINS",
            "https://a.example/x",
            "must be origins such as https://app.example",
        ),
        ("SNB_TRUSTED_PROXIES", "proxy", "must be addresses or networks such as 10.0.0.0/8"),
        ("SNB_METRICS_ALLOW", "*", "must be addresses or networks such as 10.0.0.0/8"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(
    tmp_path: Path, variable: str, value: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, **{variable: value})
    assert refused.value.variable == variable
    assert str(refused.value) == f"{variable}: {problem}"


def test_a_bad_url_is_refused_without_repeating_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, SNB_MONGODB_URI="mongo://me:hunter2@db")
    assert "hunter2" not in str(refused.value)


def test_a_data_dir_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match="^SNB_DATA_DIR: .* is not a directory$"):
        settings(file)


def test_the_repr_holds_no_secret(tmp_path: Path) -> None:
    shown = repr(settings(tmp_path, SNB_JWT_SECRET=SECRET, SNB_REDIS_URL="redis://:hunter2@bus"))
    assert SECRET not in shown
    assert "hunter2" not in shown
    assert "encryption_keys" not in shown


def test_development_secrets_are_generated_once(tmp_path: Path) -> None:
    first = settings(tmp_path / "var")
    again = settings(tmp_path / "var")
    elsewhere = settings(tmp_path / "other")
    assert first == again
    assert first.jwt_secret != elsewhere.jwt_secret
    assert first.encryption_keys != elsewhere.encryption_keys
    kept = sorted((tmp_path / "var" / "secrets").iterdir())
    assert [file.name for file in kept] == ["encryption_key", "jwt_secret"]
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}


def test_production_wants_its_secrets_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="^SNB_JWT_SECRET: must be set in production$"):
        settings(tmp_path, SNB_ENV="production")
    with pytest.raises(SettingsError, match="^SNB_ENCRYPTION_KEYS: must be set in production$"):
        settings(tmp_path, SNB_ENV="production", SNB_JWT_SECRET=SECRET)
    assert not list(tmp_path.iterdir())
    secrets = {"SNB_JWT_SECRET": SECRET, "SNB_ENCRYPTION_KEYS": KEY}
    with pytest.raises(SettingsError, match="^SNB_EMAIL_URL: must be set in production"):
        settings(tmp_path, SNB_ENV="production", **secrets)
    named = settings(tmp_path, SNB_ENV="production", **secrets, **FILES)
    assert named.is_production


def test_production_refuses_secrets_that_were_generated_for_development(tmp_path: Path) -> None:
    settings(tmp_path)
    secret = (tmp_path / "secrets" / "jwt_secret").read_text()
    key = (tmp_path / "secrets" / "encryption_key").read_text()
    with pytest.raises(SettingsError, match="^SNB_JWT_SECRET: is a development secret"):
        settings(tmp_path / "elsewhere", SNB_ENV="production", SNB_JWT_SECRET=secret)
    with pytest.raises(SettingsError, match="^SNB_ENCRYPTION_KEYS: has a development key"):
        settings(
            tmp_path / "elsewhere",
            SNB_ENV="production",
            SNB_JWT_SECRET=SECRET,
            SNB_ENCRYPTION_KEYS=f"{KEY},{key}",
        )
