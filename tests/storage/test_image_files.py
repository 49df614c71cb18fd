from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from storage.image_files import AlreadyUploaded, ImageFiles, UnknownUpload
from storage.image_objects import ImageStoreUnavailable
from storage.images import Image
from tests.storage.samples import NOON

OLD, NEW = b"o" * 32, b"n" * 32
URL = "https://savenbite.example"
IMAGE = Image(
    id=uuid4(),
    owner=uuid4(),
    content_type="image/png",
    size_bytes=100,
    created_at=NOON,
    expires_at=NOON + timedelta(minutes=15),
    purge_at=NOON + timedelta(days=1),
)


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    return ImageFiles(tmp_path, URL, [NEW, OLD])


async def test_a_file_is_written_once_and_read(files: ImageFiles, tmp_path: Path) -> None:
    assert await files.look(IMAGE) is None
    await files.write(IMAGE, b"x" * 40)
    with pytest.raises(AlreadyUploaded):
        await files.write(IMAGE, b"y")
    found = await files.look(IMAGE)
    assert found is not None
    assert (found.head, found.size_bytes, found.content_type) == (b"x" * 16, 40, "image/png")
    assert await files.read(f"{IMAGE.id}.png") == b"x" * 40
    assert [path.name for path in (tmp_path / "images").iterdir()] == [f"{IMAGE.id}.png"]
    for _ in range(2):
        await files.remove(IMAGE)
    assert await files.look(IMAGE) is None
    await files.close()


def test_the_token_of_a_form_is_for_its_picture(files: ImageFiles, tmp_path: Path) -> None:
    form = files.form(IMAGE)
    assert form.url == f"{URL}/images/uploads/{IMAGE.id}/"
    files.verify(IMAGE.id, form.fields["token"])
    older = ImageFiles(tmp_path, URL, [OLD]).form(IMAGE).fields["token"]
    files.verify(IMAGE.id, older)
    other = files.form(replace(IMAGE, id=uuid4())).fields["token"]
    for bad in (other, "", "\N{SNOWMAN}", form.fields["token"] + "0"):
        with pytest.raises(UnknownUpload):
            files.verify(IMAGE.id, bad)


async def test_a_disk_that_does_not_work_is_an_outage(files: ImageFiles, tmp_path: Path) -> None:
    (tmp_path / "images").write_text("in the way")
    for work in (files.write(IMAGE, b"x"), files.look(IMAGE), files.remove(IMAGE)):
        with pytest.raises(ImageStoreUnavailable):
            await work
