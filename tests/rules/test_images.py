from __future__ import annotations

import pytest

from rules.images import EXTENSIONS, HEAD_BYTES, looks_like

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
}


@pytest.mark.parametrize("content_type", EXTENSIONS)
@pytest.mark.parametrize("shown", HEADS)
def test_a_file_is_what_its_first_bytes_say(content_type: str, shown: str) -> None:
    assert looks_like(content_type, HEADS[shown][:HEAD_BYTES]) == (content_type == shown)


@pytest.mark.parametrize("content_type", [*EXTENSIONS, "image/svg+xml", "text/html"])
@pytest.mark.parametrize("head", [b"", b"<svg>", b"GIF89a", b"RIFF\x24\x00\x00\x00WAVE", b"\xff"])
def test_nothing_else_is_a_picture(content_type: str, head: bytes) -> None:
    assert not looks_like(content_type, head)
