"""`run.py task`, beside a running service and without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from run import JOB_NAMES
from server.demo import DEMO_USERS
from server.jobs import JOBS
from tests.server.launcher.program import Service, run, wait_until


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
