from __future__ import annotations

from pathlib import Path

import pytest

from config.daily_caps import NO_DAILY_CAPS, ChannelCaps, DailyCaps
from config.settings import SettingsError, read_settings


def daily_caps(tmp_path: Path, value: str) -> DailyCaps:
    given = {"SNB_DATA_DIR": str(tmp_path), "SNB_DAILY_CAPS": value}
    return read_settings(given).daily_caps


@pytest.mark.parametrize(
    ("user_type", "in_app", "email", "push", "sms"),
    [
        ("customer", 50, 10, 5, 2),
        ("ngo", 100, 20, 10, 5),
        ("provider", 200, 50, 20, 10),
        ("admin", None, 100, 50, 20),
        ("service", 50, 10, 5, 2),
        (None, 50, 10, 5, 2),
    ],
)
def test_the_table_of_the_contract_is_the_default(
    tmp_path: Path,
    user_type: str | None,
    in_app: int | None,
    email: int | None,
    push: int | None,
    sms: int | None,
) -> None:
    caps = daily_caps(tmp_path, "").of(user_type)
    assert caps == ChannelCaps(in_app=in_app, email=email, push=push, sms=sms)


def test_off_is_no_cap_on_any_channel(tmp_path: Path) -> None:
    caps = daily_caps(tmp_path, "off")
    assert caps == NO_DAILY_CAPS
    for user_type in ("customer", "ngo", "provider", "admin", None):
        assert caps.of(user_type) == ChannelCaps(None, None, None, None)


def test_what_is_overridden_changes_and_the_rest_stays(tmp_path: Path) -> None:
    caps = daily_caps(tmp_path, '{"customer": {"push": 3, "sms": null}, "admin": {"in_app": 9}}')
    assert caps.customer == ChannelCaps(in_app=50, email=10, push=3, sms=None)
    assert caps.admin == ChannelCaps(in_app=9, email=100, push=50, sms=20)
    assert (caps.ngo, caps.provider) == (DailyCaps().ngo, DailyCaps().provider)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no", "must be off or a JSON object"),
        ("[1]", "must be off or a JSON object"),
        ('{"service": {}}', "there is no type of user 'service'"),
        ('{"customer": 5}', "customer must be an object of channels and numbers"),
        ('{"customer": null}', "customer must be an object of channels and numbers"),
        ('{"ngo": {"fax": 1}}', "ngo has no channel 'fax'"),
        ('{"ngo": {"sms": -1}}', "ngo.sms must be a whole number from 0 to 1000000000"),
        ('{"ngo": {"sms": "2"}}', "ngo.sms must be a whole number from 0 to 1000000000"),
        ('{"ngo": {"sms": 2.5}}', "ngo.sms must be a whole number from 0 to 1000000000"),
        ('{"ngo": {"sms": false}}', "ngo.sms must be a whole number from 0 to 1000000000"),
    ],
)
def test_a_bad_override_names_the_variable_and_the_key(
    tmp_path: Path, value: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        daily_caps(tmp_path, value)
    assert str(caught.value) == f"SNB_DAILY_CAPS: {problem}"
