from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest

from config.settings import Settings, read_settings
from server.auth import InvalidToken, UserType
from server.tokens import TokensRefused, mint
from server.verifier import verifier_for


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"SNB_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("user_type", list(UserType))
async def test_a_minted_token_is_one_that_the_service_accepts(
    settings: Settings, user_type: UserType
) -> None:
    sub = uuid4()
    principal = await verifier_for(settings).verify(mint(settings, sub, user_type))
    assert (principal.user_id, principal.user_type) == (sub, user_type)


async def test_a_minted_token_names_issuer_and_audience_where_they_are_checked(
    settings: Settings,
) -> None:
    strict = replace(settings, jwt_issuer="us", jwt_audience="here")
    verifier = verifier_for(strict)
    await verifier.verify(mint(strict, uuid4(), UserType.CUSTOMER))
    with pytest.raises(InvalidToken):
        await verifier.verify(mint(settings, uuid4(), UserType.CUSTOMER))


def test_claims_that_are_not_given_are_not_in_the_token(settings: Settings) -> None:
    bare = mint(settings, UUID(int=1), UserType.NGO)
    full = mint(settings, UUID(int=1), UserType.PROVIDER, name="Nomsa", business_id=UUID(int=2))
    claims = [
        jwt.decode(token, settings.jwt_secret or "", algorithms=["HS256"]) for token in (bare, full)
    ]
    assert set(claims[0]) == {"sub", "user_type", "iat", "exp"}
    assert (claims[1]["name"], claims[1]["business_id"]) == ("Nomsa", str(UUID(int=2)))


async def test_a_token_expires_when_it_was_to(settings: Settings) -> None:
    token = mint(settings, uuid4(), UserType.ADMIN, valid_for=timedelta(seconds=-1))
    with pytest.raises(InvalidToken, match="expired"):
        await verifier_for(settings).verify(token)


def test_production_mints_none(settings: Settings) -> None:
    with pytest.raises(TokensRefused, match="^SNB_ENV: "):
        mint(replace(settings, env="production"), uuid4(), UserType.SERVICE)


def test_without_a_secret_none_are_minted(settings: Settings) -> None:
    with pytest.raises(TokensRefused, match="^SNB_JWT_SECRET: "):
        mint(replace(settings, jwt_secret=None), uuid4(), UserType.SERVICE)
