"""Uses of the templates of mails."""

from __future__ import annotations

from storage.templates import TemplatesRepository
from tests.storage.filled.asked import OWNER
from tests.storage.filled.templates import ASKED, VERSIONS
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, without

USES = [
    Use(
        TemplatesRepository.add,
        lambda stores: stores.templates.add(
            name=ASKED,
            locale="en",
            subject="s",
            html="h",
            text="t",
            by=OWNER,
            at=NOON,
            after=1,
        ),
        ("name_locale",),
        without("templates", [f"{ASKED}/en/{VERSIONS}"]),
    ),
    Use(TemplatesRepository.find, lambda stores: stores.templates.find(ASKED, "en", 3)),
    Use(
        TemplatesRepository.versions,
        lambda stores: counted(stores.templates.versions(ASKED, "en")),
        ("name_locale",),
    ),
]

# It goes by all that there is, a row a version of a template.
WITHOUT_USE = {TemplatesRepository.current}
