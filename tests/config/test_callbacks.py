from __future__ import annotations

import pytest

from config.callbacks import twilio_callback
from config.settings import read_settings

SMS = "twilio://AC1:token@/?from=+27100000000"


@pytest.mark.parametrize(
    ("sms", "public_url", "callback"),
    [
        ("file:", "https://savenbite.example", None),
        (SMS, "https://savenbite.example", "https://savenbite.example/api/webhooks/twilio/"),
        (
            SMS,
            "https://savenbite.example:8443",
            "https://savenbite.example:8443/api/webhooks/twilio/",
        ),
        (SMS, "http://savenbite.example", None),
        (SMS, "https://localhost", None),
        (SMS, "https://snb.localhost:8443", None),
        (SMS, "https://127.0.0.1", None),
        (SMS, "https://[::1]:8000", None),
        (SMS, "https://10.0.0.1", "https://10.0.0.1/api/webhooks/twilio/"),
        (
            f"{SMS}&status_callback=https://edge.example/sms",
            "http://localhost",
            "https://edge.example/sms",
        ),
    ],
)
def test_twilio_is_told_where_it_can_reach_us(
    sms: str, public_url: str, callback: str | None
) -> None:
    settings = read_settings({"SNB_SMS_URL": sms, "SNB_PUBLIC_URL": public_url})
    assert twilio_callback(settings) == callback
