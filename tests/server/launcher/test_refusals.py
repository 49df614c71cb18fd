"""What cannot be run says why in one line, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from server.demo import DEMO_USERS
from tests.server.launcher.program import PRODUCTION, run


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"SNB_PORT": "http"}, "SNB_PORT: must be a whole number from 0 to 65535\n"),
        (
            {"SNB_HOST": "no.such.host.invalid"},
            "SNB_HOST: no.such.host.invalid is not an address of this machine\n",
        ),
        ({"SNB_HOST": "192.0.2.1"}, "(Cannot assign requested address)\n"),
        ({"SNB_ENV": "production"}, "SNB_JWT_SECRET: must be set in production\n"),
    ],
)
def test_a_bad_setting_is_one_line_and_2(
    tmp_path: Path, environ: dict[str, str], line: str
) -> None:
    refused = run(tmp_path / "var", "all", **environ)
    assert refused.returncode == 2
    assert refused.stderr.endswith(line)
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


def test_a_data_directory_that_cannot_be_had_is_one_line_and_2(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    refused = run(tmp_path)
    assert (refused.returncode, refused.stderr) == (
        2,
        f"SNB_DATA_DIR: cannot use {tmp_path} (Is a directory)\n",
    )


def test_a_store_that_cannot_start_is_one_line_and_2_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    (tmp_path / "redis").touch()
    refused = run(tmp_path, SNB_PORT="0")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "redis: File exists" in refused.stderr
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or [])
    ]


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_part_without_stores_says_which_setting_it_lacks(tmp_path: Path, command: str) -> None:
    refused = run(tmp_path, command)
    assert refused.returncode == 2
    assert refused.stderr.startswith("SNB_MONGODB_URI: must be set")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [("seed",), ("token", "--sub", str(DEMO_USERS[0].id), "--user-type", "customer")],
)
def test_production_mints_and_seeds_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = run(tmp_path, *arguments, **PRODUCTION)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "SNB_ENV: tokens are minted in development only\n"


def test_seeding_a_service_that_does_not_run_is_told(tmp_path: Path) -> None:
    failed = run(tmp_path, "seed", SNB_PORT="1")
    assert failed.returncode == 1
    assert "Connection refused" in failed.stderr


def test_check_says_ok_or_why_not(tmp_path: Path) -> None:
    fine = run(tmp_path, "check")
    assert (fine.returncode, fine.stdout.splitlines()[:2]) == (
        0,
        ["settings: ok", "MongoDB: ok (embedded)"],
    )
    assert fine.stdout.splitlines()[-1].startswith("open files: ")
    failing = run(tmp_path, "check", SNB_REDIS_URL="redis://127.0.0.1:1/0")
    assert failing.returncode == 1
    assert "\nRedis: failed (" in failing.stdout


@pytest.mark.parametrize(
    ("variable", "others"),
    [
        ("SNB_PORT", {"SNB_PROCESSES": "2"}),
        ("SNB_PROCESS_PORT", {"SNB_PORT": "0"}),
        ("SNB_PROCESS_PORT", {"SNB_PORT": "0", "SNB_PROCESSES": "2"}),
    ],
)
def test_a_port_of_another_program_is_refused(
    tmp_path: Path, mongodb_uri: str, redis_url: str, variable: str, others: dict[str, str]
) -> None:
    stores = {"SNB_MONGODB_URI": mongodb_uri, "SNB_REDIS_URL": redis_url}
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = {variable: str(other.getsockname()[1])}
        refused = run(tmp_path, "serve", **others, **taken, **stores)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{variable}: cannot listen on 127.0.0.1:")
    assert refused.stderr.count("\n") == 1
