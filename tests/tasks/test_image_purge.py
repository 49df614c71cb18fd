from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from rules.images import KEPT_FOR, UNUSED_FOR
from storage.image_files import ImageFiles
from storage.image_objects import ImageStoreUnavailable
from storage.images import Image
from storage.stores import Stores
from tasks.image_purge import ImagePurge

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    return ImageFiles(tmp_path, "https://savenbite.example", [b"k" * 32])


async def uploaded(stores: Stores, files: ImageFiles) -> Image:
    image = await stores.images.add(uuid4(), content_type="image/png", size_bytes=9, at=NOON)
    await files.write(image, b"x")
    return image


async def there(stores: Stores, files: ImageFiles, image: Image) -> tuple[bool, bool]:
    """Tell whether its row is there, and whether its file is."""
    return image.id in await stores.images.find_many([image.id]), bool(await files.look(image))


async def test_what_was_never_used_goes_after_a_day(stores: Stores, files: ImageFiles) -> None:
    unused, used = await uploaded(stores, files), await uploaded(stores, files)
    await stores.images.use(used, until=NOON + KEPT_FOR)
    purge = ImagePurge(stores.images, files)
    assert not await purge.purge(NOON + UNUSED_FOR - timedelta(seconds=1))
    done = await purge.purge(NOON + UNUSED_FOR)
    assert str(done) == "1 images removed"
    assert await there(stores, files, unused) == (False, False)
    assert await there(stores, files, used) == (True, True)
    await purge.purge(NOON + KEPT_FOR)
    assert await there(stores, files, used) == (False, False)


async def test_what_cannot_be_removed_is_removed_the_next_time(
    stores: Stores, files: ImageFiles
) -> None:
    image = await uploaded(stores, files)

    class Away(ImageFiles):
        async def remove(self, image: Image) -> None:
            raise ImageStoreUnavailable

    away = Away(Path("/nowhere"), "", [b"k" * 32])
    with pytest.raises(ImageStoreUnavailable):
        await ImagePurge(stores.images, away).purge(NOON + UNUSED_FOR)
    assert await there(stores, files, image) == (True, True)
    assert not await stores.images.use(image, until=NOON + KEPT_FOR)
    assert await ImagePurge(stores.images, files).purge(NOON + UNUSED_FOR)
    assert await there(stores, files, image) == (False, False)
