from __future__ import annotations

import pytest

from rules.locales import shipped_locale


@pytest.mark.parametrize(
    ("locale", "shipped"),
    [
        *((locale, locale) for locale in ("en", "af", "zu")),
        *(("en-ZA", "en"), ("af-ZA", "af"), ("zu_ZA", "zu"), ("ZU", "zu"), ("af-Latn-NA", "af")),
        *(("xh", "en"), ("fr-FR", "en"), ("afr", "en"), ("", "en"), ("-", "en")),
    ],
)
def test_a_tag_has_the_shipped_language_nearest_to_it(locale: str, shipped: str) -> None:
    assert shipped_locale(locale) == shipped
