"""`run.py all` and its parts as real programs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from run import JOB_NAMES
from server.demo import DEMO_USERS
from server.jobs import JOBS

ROOT = Path(__file__).parents[2]
DEADLINE_S = 90.0


def environ_of(data_dir: Path, **given: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SNB_")}
    return {**clean, "SNB_DATA_DIR": str(data_dir), **given}


def run(data_dir: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `run.py` to its end."""
    return subprocess.run(
        [sys.executable, ROOT / "run.py", *arguments],
        env=environ_of(data_dir, **environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def wait_until(is_so: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Service:
    """`run.py`, all of it unless told otherwise, in a data directory of its own."""

    def __init__(self, data_dir: Path, *arguments: str, **environ: str) -> None:
        self.data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.environ = {"SNB_PORT": str(self.port), **environ}
        self.output = data_dir.with_suffix(".out")
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [sys.executable, ROOT / "run.py", *arguments],
                env=environ_of(data_dir, **self.environ),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def post(self, path: str, token: str, body: Any) -> tuple[int, Any]:
        return self._send("POST", path, token, body)

    def put(self, path: str, token: str, body: Any) -> tuple[int, Any]:
        return self._send("PUT", path, token, body)

    def _send(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def is_ready(self) -> bool:
        return self.get("/health/ready/")[0] == 200

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def family(self) -> dict[str, psutil.Process]:
        """Return the children by what they are."""
        found = {}
        for child in self.process.children(recursive=True):
            try:
                command = " ".join(child.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            for name in ("secantusd", "valkey-server", "run.py serve", "run.py worker"):
                if name in command:
                    found[name] = child
        return found

    def end(self) -> None:
        if self.process.is_running():
            self.process.terminate()
            self.process.wait(DEADLINE_S)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start_one(*arguments: str, **environ: str) -> Service:
        started.append(Service(tmp_path / f"var{len(started)}", *arguments, **environ))
        return started[-1]

    yield start_one
    for service in started:
        service.end()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the whole service for the module."""
    # Tests ask again and again, as no person does.
    service = Service(tmp_path_factory.mktemp("service") / "var", SNB_RATE_LIMITS="off")
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    yield service
    service.end()


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


def test_a_task_beside_a_running_service_does_its_job_as_of_a_time(service: Service) -> None:
    sender, customer = str(uuid4()), str(DEMO_USERS[0].id)
    tokens = {
        user_type: run(
            service.data_dir, "token", "--sub", sub, "--user-type", user_type
        ).stdout.strip()
        for user_type, sub in (("service", sender), ("customer", customer))
    }
    send_at = datetime.now(UTC) + timedelta(hours=1)
    status, _ = service.post(
        "/api/notifications/",
        tokens["service"],
        {
            "recipient_id": customer,
            "notification_type": "system_announcement",
            "title": "An hour early",
            "message": "m",
            "send_at": send_at.isoformat(),
        },
    )
    assert status == 202
    done = run(service.data_dir, "task", "schedules")
    assert (done.returncode, done.stdout) == (0, "schedules: 0 due and handed over to be sent\n")
    done = run(service.data_dir, "task", "schedules", "--as-of", send_at.isoformat())
    assert (done.returncode, done.stdout) == (0, "schedules: 1 due and handed over to be sent\n")

    def is_told() -> bool:
        _, page = service.get("/api/notifications/", tokens["customer"])
        return bool(page) and "An hour early" in {row["title"] for row in page["results"]}

    wait_until(is_told)


def test_the_digest_of_a_monday_is_sent_by_hand_once(service: Service) -> None:
    """Somebody who has not read what came gets one mail, however often it is asked for."""
    tokens = {
        user_type: run(
            service.data_dir, "token", "--sub", sub, "--user-type", user_type
        ).stdout.strip()
        for user_type, sub in (
            ("service", str(uuid4())),
            ("customer", str(DEMO_USERS[0].id)),
        )
    }
    awake = {"quiet_hours": {"enabled": False}, "timezone": "Africa/Johannesburg"}
    assert service.put("/api/notifications/preferences/", tokens["customer"], awake)[0] == 200
    sent = {
        "recipient_id": str(DEMO_USERS[0].id),
        "notification_type": "system_announcement",
        "title": "Not read",
        "message": "m",
        "channels": ["in_app"],
    }
    assert service.post("/api/notifications/", tokens["service"], sent)[0] == 201
    outbox = service.data_dir / "outbox" / "email"

    def digests() -> list[Path]:
        mails = {path: path.read_bytes() for path in outbox.glob("*.eml")}
        to = f"<{DEMO_USERS[0].email}>".encode()
        return [path for path, mail in mails.items() if b"Your week" in mail and to in mail]

    at_eight = ("task", "weekly-digest", "--as-of", "2027-01-04T08:00+02:00")
    assert run(service.data_dir, *at_eight).returncode == 0
    wait_until(digests)
    done = run(service.data_dir, *at_eight)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "weekly-digest: 0 time zones due, 0 planned\n"
    assert len(digests()) == 1


def test_the_sweep_says_what_it_found_on_each_of_its_ways(service: Service) -> None:
    done = run(service.data_dir, "task", "sweep")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "due-email",
        "due-push",
        "due-sms",
        "repair-follows",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("schedules",), "SNB_MONGODB_URI: must be set"),
        (("schedules", "--as-of", "tomorrow"), "'tomorrow' is not an RFC 3339 time"),
        (("schedules", "--as-of", "2026-11-22T12:00:00"), "is not an RFC 3339 time"),
        (("sleep",), "invalid choice: 'sleep'"),
        ((), "required: NAME"),
    ],
)
def test_a_task_that_cannot_be_run_is_told(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = run(tmp_path, "task", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert complaint in refused.stderr


def test_a_task_whose_store_is_away_says_so(tmp_path: Path) -> None:
    gone = "mongodb://127.0.0.1:1/"
    failed = run(tmp_path, "task", "schedules", SNB_MONGODB_URI=gone, SNB_REDIS_URL="redis://x")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("schedules: the store is unavailable")


def test_the_jobs_are_those_that_the_command_knows() -> None:
    assert tuple(JOBS) == JOB_NAMES


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


PRODUCTION = {
    "SNB_ENV": "production",
    "SNB_EMAIL_URL": "file:",
    "SNB_PUSH_URL": "file:",
    "SNB_SMS_URL": "file:",
    "SNB_IMAGES_URL": "file:",
    "SNB_JWT_SECRET": "s" * 32,
    "SNB_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
}


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


def test_what_dies_is_started_again_with_everything_else_going_on(service: Service) -> None:
    for name in ("run.py serve", "run.py worker", "valkey-server", "secantusd"):
        before = service.family()
        before[name].kill()

        def is_back(name: str = name, old: int = before[name].pid) -> bool:
            new = service.family().get(name)
            return new is not None and new.pid != old and service.is_ready()

        wait_until(is_back)
    assert service.process.is_running()


def test_a_signal_stops_all_with_0_and_what_was_stored_is_there_after_a_restart(
    start: Callable[..., Service],
) -> None:
    service = start()
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    family = service.family()
    assert len(family) == 4
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE_S) == 0
    assert not [child for child in family.values() if child.is_running()]
    assert not service.says("Traceback")
    restarted = Service(service.data_dir)
    wait_until(lambda: restarted.says("demo data: 0 new events"))
    restarted.end()


def test_nothing_outlives_a_launcher_that_is_killed(start: Callable[..., Service]) -> None:
    service = start()
    wait_until(service.is_ready)
    family = list(service.family().values())
    assert len(family) == 4
    service.process.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_stores_that_are_given_are_used_and_production_has_no_demo(
    start: Callable[..., Service], mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    service = start(
        **PRODUCTION,
        SNB_MONGODB_URI=mongodb_uri,
        SNB_MONGODB_DATABASE=database_name,
        SNB_REDIS_URL=redis_url,
    )
    wait_until(service.is_ready)
    assert sorted(service.family()) == ["run.py serve", "run.py worker"]
    service.end()
    assert not service.says("CUSTOMER=")


def test_a_port_of_0_means_any_that_is_free(start: Callable[..., Service]) -> None:
    service = start(SNB_PORT="0")
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    url = service.output.read_text().split("ready: ")[1].split("/\n")[0]
    service.port = int(url.rsplit(":", 1)[1])
    assert service.port > 0
    assert service.is_ready()


def servers(service: Service) -> list[psutil.Process]:
    """Return the server processes."""
    found = []
    for child in service.process.children(recursive=True):
        try:
            if "run.py serve --shared-port" in " ".join(child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def test_several_processes_serve_one_port_and_each_that_dies_is_started_again(
    start: Callable[..., Service],
) -> None:
    service = start(SNB_PROCESSES="2", SNB_INSTANCE="here", SNB_LOG_FORMAT="json")
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    wait_until(lambda: service.output.read_text().count('"event": "serving"') == 2)
    first, second = servers(service)
    names = {process.environ()["SNB_INSTANCE"] for process in (first, second)}
    assert names == {"here/1", "here/2"}

    def listens(process: psutil.Process) -> bool:
        return any(each.laddr.port == service.port for each in process.net_connections("tcp"))

    assert listens(first)
    assert listens(second)
    first.kill()
    wait_until(
        lambda: (
            {process.pid for process in servers(service)} - {first.pid, second.pid}
            and len(servers(service)) == 2
        )
    )
    assert service.is_ready()
    refused = run(
        service.data_dir.with_name("other"), SNB_PORT=str(service.port), SNB_PROCESSES="2"
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "Address already in use" in refused.stderr
    family = servers(service)
    service.process.terminate()
    assert service.process.wait(DEADLINE_S) == 0
    assert not [child for child in (*family, second) if child.is_running()]
    assert not service.says("Traceback")


def test_serving_by_several_processes_needs_nothing_but_the_stores(
    start: Callable[..., Service],
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
) -> None:
    service = start(
        "serve",
        SNB_PROCESSES="2",
        SNB_MONGODB_URI=mongodb_uri,
        SNB_MONGODB_DATABASE=database_name,
        SNB_REDIS_URL=redis_url,
    )
    wait_until(service.is_ready)
    wait_until(lambda: len(servers(service)) == 2)
    assert sorted(service.family()) == ["run.py serve"]
    service.process.terminate()
    assert service.process.wait(DEADLINE_S) == 0


def test_a_port_of_another_program_is_refused_to_several_servers_too(
    tmp_path: Path, mongodb_uri: str, redis_url: str
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = run(
            tmp_path,
            "serve",
            SNB_PROCESSES="2",
            SNB_PORT=str(other.getsockname()[1]),
            SNB_MONGODB_URI=mongodb_uri,
            SNB_REDIS_URL=redis_url,
        )
    assert refused.returncode == 2
    assert refused.stderr.startswith("SNB_PORT: cannot listen on 127.0.0.1:")
    assert refused.stderr.count("\n") == 1
