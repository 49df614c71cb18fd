from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest

from config.settings import Settings, read_settings
from server.auth import InvalidToken, TokenVerifier, UserType
from server.tokens import TokensRefused, mint


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"SNB_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("user_type", list(UserType))
def test_a_minted_token_is_one_that_the_service_accepts(
    settings: Settings, user_type: UserType
) -> None:
    sub = uuid4()
    principal = TokenVerifier(settings.jwt_secret).verify(mint(settings, sub, user_type))
    assert (principal.user_id, principal.user_type) == (sub, user_type)


def test_claims_that_are_not_given_are_not_in_the_token(settings: Settings) -> None:
    bare = mint(settings, UUID(int=1), UserType.NGO)
    full = mint(settings, UUID(int=1), UserType.PROVIDER, name="Nomsa", business_id=UUID(int=2))
    claims = [
        jwt.decode(token, settings.jwt_secret, algorithms=["HS256"]) for token in (bare, full)
    ]
    assert set(claims[0]) == {"sub", "user_type", "iat", "exp"}
    assert (claims[1]["name"], claims[1]["business_id"]) == ("Nomsa", str(UUID(int=2)))


def test_a_token_expires_when_it_was_to(settings: Settings) -> None:
    token = mint(settings, uuid4(), UserType.ADMIN, valid_for=timedelta(seconds=-1))
    with pytest.raises(InvalidToken, match="expired"):
        TokenVerifier(settings.jwt_secret).verify(token)


def test_production_mints_none(settings: Settings) -> None:
    with pytest.raises(TokensRefused):
        mint(replace(settings, env="production"), uuid4(), UserType.SERVICE)
