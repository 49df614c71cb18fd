"""What `docs/websocket.md` says of frames and close codes is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest

from actors import frames
from actors.connection import CloseCode
from server.schemas.frames import SCHEMAS, load_message
from server.socket_limits import SocketLimits
from server.socket_protocol import MESSAGE_LIMIT_BYTES
from server.transport import SEND_BUFFER_BYTES

PAGE = (Path(__file__).parents[1] / "docs" / "websocket.md").read_text()
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def table(heading: str, first_column: str) -> list[list[str]]:
    """Return the cells of the table under `heading` whose first column is `first_column`."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    assert rows[0][0].strip() == first_column
    return rows[2:]


def fields_of(cell: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", cell))


def test_the_close_codes_are_those_of_the_server_with_its_words() -> None:
    rows = [tuple(row) for row in table("Close codes", "code")]
    assert rows == [(str(int(code)), code.when, code.then) for code in CloseCode]


def test_every_close_code_of_the_contract_is_there() -> None:
    contract = {4401, 4403, 4408, 4409, 4413, 4429, 4503, 1012}
    assert contract <= set(CloseCode)


def test_the_messages_are_those_that_are_understood_with_their_fields() -> None:
    rows = {row[0].strip("`"): row[1] for row in table("What a client may say", "`type`")}
    assert set(rows) == set(SCHEMAS)
    for kind, cell in rows.items():
        assert fields_of(cell) == set(SCHEMAS[kind].fields) - {"type", "ref"}, kind


FRAMES = [
    frames.notification_read(uuid4(), 1),
    frames.bulk_read(1, 1),
    frames.notification_deleted(uuid4(), 1),
    frames.synced(notifications=[], changed=[], has_more=False, unread_count=0, ref=None),
    frames.client_error({"code": "", "message": "", "details": {}}, None),
]


@pytest.mark.parametrize("frame", [json.loads(frame) for frame in FRAMES], ids=lambda f: f["type"])
def test_the_frames_have_the_fields_that_are_named(frame: dict[str, dict[str, object]]) -> None:
    rows = {row[0].strip("`"): row[1] for row in table("What the server says", "`type`")}
    assert fields_of(rows[str(frame["type"])]) == set(frame["data"])


def test_the_examples_are_what_is_said() -> None:
    said = {example["type"]: example for example in EXAMPLES if "type" in example}
    for kind in ("authenticate", "sync"):
        assert load_message(json.dumps(said[kind]))["type"] == kind
    rows = {row[0].strip("`"): row[1] for row in table("What the server says", "`type`")}
    assert set(said["notification.new"]["data"]) == fields_of(rows["notification.new"])
    assert said["error"]["data"] == said["error"]["error"]
    assert EXAMPLES[-1].keys() == {"reconnect_after_ms"}


def test_the_numbers_are_those_that_hold() -> None:
    limits = SocketLimits()
    text = " ".join(PAGE.split())
    for words in (
        f"within {limits.authenticate_within_s:.0f} s",
        f"{MESSAGE_LIMIT_BYTES // 1024} KiB a message",
        f"{limits.messages_per_minute} messages within any minute",
        f"{limits.connections_per_user} connections of a user",
        f"pings every {limits.ping_every_s:.0f} s",
        f"nothing came for {limits.silent_for_s:.0f} s",
        f"{SEND_BUFFER_BYTES // 1024} KiB may wait",
        f"takes nothing for {limits.stalled_for_s:.0f} s",
    ):
        assert words in text, words
