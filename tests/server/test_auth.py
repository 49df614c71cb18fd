from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import UUID

import jwt
import pytest

from server.auth import InvalidToken, UserType, bearer_token
from server.keys import VerificationKey
from server.verifier import TokenVerifier
from tests.support.api import SECRET, Api, token

SOMEBODY = UUID("11111111-1111-4111-8111-111111111111")
KEY = VerificationKey("HS256", SECRET)
OTHER_SECRET = "another secret, just as long as the first one"


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(**changes: Any) -> str:
    return token(SOMEBODY, **changes)


def unsigned(algorithm: str) -> str:
    claims = {"sub": str(SOMEBODY), "user_type": "admin", "exp": int(time.time()) + 3_600}
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


GOOD = signed()
HEAD, CLAIMS, SIGNATURE = GOOD.split(".")

BAD_TOKENS = {
    "the algorithm none": unsigned("none"),
    "the algorithm None": unsigned("None"),
    "no signature": f"{HEAD}.{CLAIMS}.",
    "somebody else's signature": ".".join([HEAD, CLAIMS, signed(jti="other").split(".")[2]]),
    "claims changed after signing": ".".join([HEAD, signed(jti="x").split(".")[1], SIGNATURE]),
    "another secret": signed(secret=OTHER_SECRET),
    "an algorithm that is not expected": signed(algorithm="HS512", secret=SECRET * 2),
    "the right secret by another algorithm": signed(algorithm="HS384", secret=SECRET * 2),
    "no expiry": signed(exp=None),
    "an expiry that has passed": signed(exp=int(time.time()) - 1),
    "an expiry this second": signed(exp=int(time.time())),
    "an expiry that is no time": signed(exp="tomorrow"),
    "an expiry that is no moment": signed(exp=10**400),
    "a list for an expiry": signed(exp=[4_000_000_000]),
    "no subject": signed(sub=None),
    "a subject that is no UUID": signed(sub="thandi"),
    "an empty subject": signed(sub=""),
    "a number for a subject": signed(sub=7),
    "no user type": signed(user_type=None),
    "an unknown user type": signed(user_type="root"),
    "a user type in capitals": signed(user_type="ADMIN"),
    "a list for a user type": signed(user_type=["admin"]),
    "not valid yet": signed(nbf=int(time.time()) + 3_600),
    "claims that are no object": f"{HEAD}.{part([])}.{SIGNATURE}",
    "a header that is no JSON": f"{part(b'{')}.{CLAIMS}.{SIGNATURE}",
    "a header that is nested without end": f"{part(b'[' * 4_000)}.{CLAIMS}.{SIGNATURE}",
    "an extension that must be understood": jwt.encode(
        jwt.decode(GOOD, SECRET, algorithms=["HS256"]), SECRET, headers={"crit": ["x"]}
    ),
    "no token at all": "abc",
    "two dots": "..",
    "a token without end": "a" * 9_000,
}


@pytest.mark.parametrize("bad", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_says_nothing_about_who_asks(bad: str) -> None:
    with pytest.raises(InvalidToken):
        await TokenVerifier([KEY]).verify(bad)


async def test_every_bad_token_is_answered_401(api: Api) -> None:
    for name, bad in BAD_TOKENS.items():
        answer = await api.get("/api/notifications/unread-count/", bad)
        assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED"), name


OTHER_HEADERS = {
    "empty": "",
    "no token": "Bearer",
    "another scheme": "Basic dGhhbmRpOnNlY3JldA==",
    "an unknown scheme": f"Token {GOOD}",
    "no scheme": GOOD,
    "no space": f"Bearer{GOOD}",
    "two tokens": f"Bearer {GOOD} {GOOD}",
    "not ASCII": f"Bearer {GOOD[:-1]}\u00ff",
}


@pytest.mark.parametrize("header", OTHER_HEADERS.values(), ids=OTHER_HEADERS.keys())
async def test_an_authorization_header_of_another_form_is_answered_401(
    api: Api, header: str
) -> None:
    answer = await api.get("/api/notifications/unread-count/", headers={"Authorization": header})
    assert answer.status == 401


async def test_no_token_is_answered_401(api: Api) -> None:
    assert (await api.get("/api/notifications/unread-count/")).status == 401


async def test_a_token_in_the_url_is_no_token(api: Api) -> None:
    answer = await api.get(f"/api/notifications/unread-count/?token={GOOD}&access_token={GOOD}")
    assert answer.status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_name_of_the_scheme_is_case_insensitive(api: Api, scheme: str) -> None:
    """RFC 9110 §11.1."""
    answer = await api.get(
        "/api/notifications/unread-count/", headers={"Authorization": f"{scheme} {GOOD}"}
    )
    assert answer.status == 200


def test_a_header_that_is_not_there_is_no_token() -> None:
    assert bearer_token(None) is None


@pytest.mark.parametrize("user_type", list(UserType))
async def test_a_good_token_says_who_asks(user_type: UserType) -> None:
    expires_at_s = int(time.time()) + 100
    claims = {"name": "Thandi", "iss": "anybody", "aud": "anything", "jti": "1"}
    principal = await TokenVerifier([KEY]).verify(
        signed(user_type=user_type.value, exp=expires_at_s, **claims)
    )
    assert principal.user_id == SOMEBODY
    assert principal.user_type is user_type
    assert principal.expires_at_s == expires_at_s


async def test_a_refused_token_is_not_remembered_as_good() -> None:
    verifier = TokenVerifier([KEY])
    forged = signed(secret=OTHER_SECRET)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await verifier.verify(forged)


async def test_tokens_of_two_people_are_told_apart_when_remembered() -> None:
    verifier = TokenVerifier([KEY])
    other = UUID(int=2)
    for _ in range(2):
        assert (await verifier.verify(GOOD)).user_id == SOMEBODY
        assert (await verifier.verify(token(other))).user_id == other


async def test_the_answer_to_a_bad_token_does_not_repeat_it(api: Api) -> None:
    forged = signed(secret=OTHER_SECRET)
    answer = await api.get("/api/notifications/unread-count/", forged)
    assert forged not in json.dumps(answer.body)
    assert answer.error["details"] == {}
