from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from rules.deliveries import Outcome, Transient, Uncertain
from tasks.channels.http_failures import outcome_of_failure, retry_after

POOL = HTTPConnectionPool("127.0.0.1")
REFUSED = NewConnectionError(POOL, "refused")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectTimeout(), Transient("ConnectTimeout")),
        (
            RequestsConnectionError(MaxRetryError(POOL, "/", REFUSED)),
            Transient("ConnectionError"),
        ),
        (ReadTimeout(), Uncertain("ReadTimeout")),
        (RequestsConnectionError(ProtocolError("aborted")), Uncertain("ProtocolError")),
        (RequestException("?"), Uncertain("RequestException")),
    ],
)
def test_only_what_cannot_have_arrived_is_not_in_doubt(
    error: RequestException, outcome: Outcome
) -> None:
    assert outcome_of_failure(error) == outcome


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("7", 7),
        (" 90 ", 90),
        ("Thu, 26 Nov 2026 12:00:30 GMT", 30),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait_s: int | None) -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    expected = None if wait_s is None else timedelta(seconds=wait_s)
    assert retry_after({"Retry-After": value}, now=noon) == expected


def test_no_headers_ask_for_nothing() -> None:
    assert retry_after(None) is None
