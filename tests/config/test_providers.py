from __future__ import annotations

from pathlib import Path

import pytest

from config.providers import (
    Provider,
    read_email_provider,
    read_push_provider,
    read_sms_provider,
)
from config.reader import Reader, SettingsError


def email(url: str, *, is_production: bool = False) -> Provider:
    return read_email_provider(Reader({"SNB_EMAIL_URL": url}), is_production=is_production)


def test_files_are_what_development_begins_with() -> None:
    reader = Reader({})
    for read in (read_email_provider, read_push_provider, read_sms_provider):
        assert read(reader, is_production=False).scheme == "file"


def test_production_takes_files_only_when_told_to() -> None:
    with pytest.raises(SettingsError, match="SNB_SMS_URL: must be set in production"):
        read_sms_provider(Reader({}), is_production=True)
    assert email("file:", is_production=True).scheme == "file"


def test_a_mail_server_is_taken_apart() -> None:
    provider = email("smtp://post%40office:s%3Acret@mail.example:587?starttls=1&concurrency=7")
    assert (provider.scheme, provider.host, provider.port) == ("smtp", "mail.example", 587)
    assert (provider.user, provider.password) == ("post@office", "s:cret")
    assert provider.options == {"starttls": "1"}
    assert (provider.concurrency, provider.rate, provider.timeout_s) == (7, None, 20.0)
    assert "cret" not in repr(provider)


def test_the_plus_of_a_number_stays() -> None:
    url = "twilio://AC1:token@/?from=+27821234567&endpoint=http://127.0.0.1:9000&rate=0.5"
    provider = read_sms_provider(Reader({"SNB_SMS_URL": url}), is_production=False)
    assert (provider.user, provider.password) == ("AC1", "token")
    assert provider.options == {"from": "+27821234567", "endpoint": "http://127.0.0.1:9000"}
    assert provider.rate == 0.5


def test_a_service_account_is_a_file_that_is_there(tmp_path: Path) -> None:
    account = tmp_path / "service account.json"
    reader = Reader({"SNB_PUSH_URL": f"fcm:{account}"})
    with pytest.raises(SettingsError, match="SNB_PUSH_URL: .*is not a file"):
        read_push_provider(reader, is_production=False)
    account.touch()
    assert read_push_provider(reader, is_production=False).path == str(account)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("pigeon://loft", "must begin with one of file:, smtp:, smtps:, ses:"),
        ("smtp://", "smtp: needs a host"),
        ("smtp://host:port", "is not a URL"),
        ("smtp://host?tls=1", "has an unknown option 'tls'"),
        ("smtp://host?starttls=yes", "starttls must be 0 or 1"),
        ("smtp://host?concurrency=0", "concurrency must be a number from 1 to 1000"),
        ("smtp://host?rate=fast", "rate must be a number"),
        ("smtp://host?timeout_s=60", "timeout_s must be a number from 0.1 to 30"),
        ("ses://af-south-1?endpoint=nowhere", "endpoint must be a URL"),
        ("smtp://mail.example?from=nobody", "from must be an address"),
        ("file:?from=a@b.example%0d%0aBcc:c@d.example", "from must be an address"),
        ("ses://af-south-1?from=", "from must be an address"),
        ("ses://af-south-1?sns_endpoint=nowhere", "sns_endpoint must be a URL"),
        ("ses://af-south-1?topic_arn=mail", "topic_arn must be the ARN of a topic"),
        ("ses://af-south-1?topic_arn=", "topic_arn must be the ARN of a topic"),
    ],
)
def test_what_cannot_be_used_is_refused_with_one_line(url: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        email(url)
    assert str(caught.value).startswith(f"SNB_EMAIL_URL: {problem}")


def test_ses_names_the_topic_that_feedback_comes_by() -> None:
    topic = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:mail_1-a"
    assert email(f"ses://us-gov-west-1?topic_arn={topic}").options == {"topic_arn": topic}


def test_where_twilio_calls_back_may_hold_settings_of_twilios() -> None:
    url = (
        "twilio://AC1:token@/?from=+27821234567&status_callback=https://x.example/%23rc=3%26rp=all"
    )
    provider = read_sms_provider(Reader({"SNB_SMS_URL": url}), is_production=False)
    assert provider.options["status_callback"] == "https://x.example/#rc=3&rp=all"


def test_where_twilio_calls_back_is_a_url() -> None:
    url = "twilio://AC1:token@/?from=+27821234567&status_callback=nowhere"
    with pytest.raises(SettingsError, match="status_callback must be a URL"):
        read_sms_provider(Reader({"SNB_SMS_URL": url}), is_production=False)


def test_twilio_needs_a_number_to_send_from() -> None:
    with pytest.raises(SettingsError, match="needs the option 'from'"):
        read_sms_provider(Reader({"SNB_SMS_URL": "twilio://AC1:token@/"}), is_production=False)
