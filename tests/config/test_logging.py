from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from config.logging import configure_logging


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_of_ours_and_of_libraries_have_one_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "info")
    structlog.get_logger("server").info("started", port=8000)
    logging.getLogger("library").warning("slow %s", "query", extra={"took_ms": 5})
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["level"], ours["logger"], ours["port"]) == (
        "started",
        "info",
        "server",
        8000,
    )
    assert (theirs["event"], theirs["level"], theirs["took_ms"]) == ("slow query", "warning", 5)
    assert ours["timestamp"].endswith("Z")
    assert set(ours) - {"port"} == set(theirs) - {"took_ms"}


def test_a_traceback_stays_within_its_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    try:
        raise LookupError("gone")
    except LookupError:
        structlog.get_logger().exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "LookupError: gone" in json.loads(line)["exception"]


def test_the_level_holds_for_all_and_chatty_libraries_are_quieter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("console", "debug")
    structlog.get_logger("ours").debug("seen")
    logging.getLogger("pymongo.command").info("not seen")
    configure_logging("console", "error")
    structlog.get_logger("ours").warning("not seen")
    logging.getLogger("huey.consumer").error("seen too")
    lines = capsys.readouterr().err.splitlines()
    assert ["seen" in line and "not seen" not in line for line in lines] == [True, True]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_values_of_variables(
    log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    _token = "a secret " + "value"
    try:
        raise LookupError("gone")
    except LookupError:
        structlog.get_logger().exception("failed")
    written = capsys.readouterr().err
    assert "LookupError: gone" in written
    assert "a secret value" not in written
