from __future__ import annotations

import pytest

from server.webhooks.sns_origin import SnsOrigin

AFRICA = SnsOrigin("arn:aws:sns:af-south-1:123456789012:mail")
CHINA = SnsOrigin("arn:aws-cn:sns:cn-north-1:123456789012:mail")
HERE = SnsOrigin("arn:aws:sns:af-south-1:123456789012:mail", "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        (AFRICA, "https://sns.af-south-1.amazonaws.com/SimpleNotificationService-1a2b.pem"),
        (AFRICA, "https://SNS.af-south-1.amazonaws.com/SimpleNotificationService-1a2b.pem"),
        (CHINA, "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1a2b.pem"),
        (HERE, "http://127.0.0.1:9000/SimpleNotificationService-1a2b.pem"),
    ],
)
def test_a_certificate_is_taken_from_where_the_topic_is(origin: SnsOrigin, url: str) -> None:
    assert origin.has_certificate(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.af-south-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.af-south-1.amazonaws.com.evil.com/a.pem",
        "https://sns.af-south-1.amazonaws.com.cn/a.pem",
        "https://evil.com/sns.af-south-1.amazonaws.com/a.pem",
        "https://evil.com#sns.af-south-1.amazonaws.com/a.pem",
        "https://sns.af-south-1.amazonaws.com@evil.com/a.pem",
        "https://user@sns.af-south-1.amazonaws.com/a.pem",
        "https://evil.com\\@sns.af-south-1.amazonaws.com/a.pem",
        "https://sns.af-south-1.amazonaws.com\\.evil.com/a.pem",
        "https://sns.af-south-1.amazonaws.com\n.evil.com/a.pem",
        "https://sns.af-south-1.amazonaws.com:8443/a.pem",
        "https://sns.af-south-1.amazonaws.com./a.pem",
        "https://xsns.af-south-1.amazonaws.com/a.pem",
        "https://bucket.s3.af-south-1.amazonaws.com/a.pem",
        "https://sns.af-south-1.amazonaws.com/a.pem?b",
        "https://sns.af-south-1.amazonaws.com/a.pem#b",
        "https://sns.af-south-1.amazonaws.com/a",
        "https://[sns.af-south-1.amazonaws.com/a.pem",
        "//sns.af-south-1.amazonaws.com/a.pem",
        "file:///a.pem",
        "",
        "http://127.0.0.1:9000/a.pem",
    ],
)
def test_nothing_that_only_looks_like_it_is(url: str) -> None:
    assert not AFRICA.has_certificate(url)


def test_a_confirmation_goes_to_sns_alone() -> None:
    asked = "/?Action=ConfirmSubscription&Token=t"
    assert AFRICA.has(f"https://sns.af-south-1.amazonaws.com{asked}")
    assert not AFRICA.has(f"https://sns.af-south-1.amazonaws.com.evil.com{asked}")


def test_a_host_is_the_same_in_capitals() -> None:
    origin = SnsOrigin("arn:aws:sns:af-south-1:123456789012:mail", "http://LocalHost:9000")
    assert origin.has("http://localhost:9000/a.pem")
    assert origin.has("http://LOCALHOST:9000/a.pem")


def test_an_emulator_stands_in_for_amazon_and_is_not_beside_it() -> None:
    assert not HERE.has("https://sns.af-south-1.amazonaws.com/a.pem")
    assert not HERE.has("http://127.0.0.1:9001/a.pem")
    assert not HERE.has("https://127.0.0.1:9000/a.pem")
