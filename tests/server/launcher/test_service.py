"""The whole service, as `run.py` starts it for a newcomer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from server.demo import DEMO_USERS
from tests.server.launcher.program import Service, run, wait_until


def test_the_banner_names_the_page_and_tokens_that_work(service: Service) -> None:
    shown = service.output.read_text()
    assert f"ready: http://127.0.0.1:{service.port}/\n" in shown
    assert "demo data: 8 new events, 8 new follows" in shown
    tokens = dict(
        line.split("   #")[0].strip().split("=", 1)
        for line in shown.splitlines()
        if line.strip().startswith(("CUSTOMER=", "PROVIDER=", "SERVICE="))
    )
    status, following = service.get("/api/following/", tokens["CUSTOMER"])
    assert (status, following["count"]) == (200, 2)
    assert service.get("/api/notifications/", tokens["PROVIDER"])[0] == 200


def test_the_banners_first_curl_line_is_one_that_works_as_written(service: Service) -> None:
    shown = service.output.read_text()
    variables = [
        line.split("   #")[0].strip()
        for line in shown.splitlines()
        if line.strip().startswith(("CUSTOMER=", "SERVICE="))
    ]
    lines = shown.splitlines()
    first = next(place for place, line in enumerate(lines) if line.strip().startswith("curl"))
    script = "\n".join([*variables, *lines[first : first + 2]])
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == {"accepted": 1, "duplicates": 0}
    token = variables[0].removeprefix("CUSTOMER=")
    wait_until(lambda: service.get("/api/notifications/", token)[1]["count"] == 1)


def test_a_minted_token_works_and_seeding_again_changes_nothing(service: Service) -> None:
    customer = DEMO_USERS[0]
    minted = run(
        service.data_dir,
        *("token", "--sub", str(customer.id), "--user-type", "customer"),
        *("--name", customer.name, "--hours", "0.5"),
    )
    assert minted.returncode == 0
    assert service.get("/api/following/", minted.stdout.strip())[1]["count"] == 2
    again = run(service.data_dir, "seed", **service.environ)
    assert (again.returncode, again.stdout) == (0, "demo data: 0 new events, 0 new follows\n")


def test_a_second_run_on_the_same_data_is_one_line_and_2(service: Service) -> None:
    second = run(service.data_dir, SNB_PORT="0")
    assert second.returncode == 2
    assert second.stderr == (
        f"SNB_DATA_DIR: {service.data_dir} is in use by another run of the service\n"
    )


def test_a_port_that_is_taken_is_one_line_and_2_and_starts_nothing(
    service: Service, tmp_path: Path
) -> None:
    second = run(tmp_path / "var", SNB_PORT=str(service.port))
    assert second.returncode == 2
    assert second.stderr == (
        f"SNB_PORT: cannot listen on 127.0.0.1:{service.port} (Address already in use)\n"
    )
    assert sorted(path.name for path in (tmp_path / "var").iterdir()) == ["lock", "secrets"]


def test_what_dies_is_started_again_with_everything_else_going_on(service: Service) -> None:
    for name in ("run.py serve", "run.py worker", "valkey-server", "secantusd"):
        before = service.family()
        before[name].kill()

        def is_back(name: str = name, old: int = before[name].pid) -> bool:
            new = service.family().get(name)
            return new is not None and new.pid != old and service.is_ready()

        wait_until(is_back)
    assert service.process.is_running()
