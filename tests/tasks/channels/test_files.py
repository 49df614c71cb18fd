from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from rules.deliveries import Sent, Transient
from tasks.channels.push_file import PushFiles
from tasks.channels.sms_file import SmsFiles
from tasks.letter import Device, PhoneNumber
from tasks.permit import Permit, PermitExpired
from tests.tasks.letters import NOTIFICATION, letter

ALWAYS, NEVER = Permit(float("inf")), Permit(0.0)
PHONE = Device(UUID(int=7), "android", "a-token")


def files_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_a_push_is_a_file_and_its_repeat_the_same_file(tmp_path: Path) -> None:
    files = PushFiles(tmp_path / "push")
    for _ in range(2):
        assert await files.send(letter(), PHONE, ALWAYS) == Sent(f"{NOTIFICATION}.{PHONE.id}.json")
    (path,) = (tmp_path / "push").iterdir()
    content = json.loads(path.read_bytes())
    assert content["to"] == {"device_id": str(PHONE.id), "platform": "android", "token": "a-token"}
    assert content["title"] == "Sourdough loaves at Sunrise Bakery"
    assert content["data"]["notification_id"] == str(NOTIFICATION)
    await files.close()


async def test_an_sms_is_a_file(tmp_path: Path) -> None:
    files = SmsFiles(tmp_path / "sms")
    assert await files.send(letter(), PhoneNumber("+27820000000"), ALWAYS) == Sent(
        f"{NOTIFICATION}.json"
    )
    content = json.loads((tmp_path / "sms" / f"{NOTIFICATION}.json").read_bytes())
    assert (content["to"], content["segments"]) == ("+27820000000", 1)
    assert content["body"].startswith("Save n Bite: Sourdough loaves")
    await files.close()


async def test_without_a_permit_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(PermitExpired):
        await SmsFiles(tmp_path).send(letter(), PhoneNumber("+27820000000"), NEVER)
    assert not files_in(tmp_path)


async def test_a_directory_that_cannot_be_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "sms").touch()
    outcome = await SmsFiles(tmp_path / "sms").send(letter(), PhoneNumber("+2782"), ALWAYS)
    assert isinstance(outcome, Transient)
