"""Which pictures may be uploaded, and what one looks like from its first bytes."""

from __future__ import annotations

from datetime import timedelta

LARGEST_BYTES = 2 << 20

UPLOADS_A_DAY = 50
"""Of one user and day of UTC."""

UPLOAD_WITHIN = timedelta(minutes=15)

UNUSED_FOR = timedelta(days=1)
"""A picture that nothing has been sent with by then is removed."""

KEPT_FOR = timedelta(days=200)
"""Since it was last used: notifications are kept for six months."""

KEPT_IN_TEMPLATES_FOR = timedelta(days=3_650)
"""Since a version that shows it was written: nobody tells how long that is used."""

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""Content type -> how names of such files end."""

HEAD_BYTES = 16


def looks_like(content_type: str, head: bytes) -> bool:
    """Tell whether a file that begins with `head` is of `content_type`.

    By the signatures of PNG (W3C PNG §5.2), JPEG (ITU T.81 B.1.1.3) and WebP (RFC 9649 §2.4).
    """
    match content_type:
        case "image/png":
            return head.startswith(b"\x89PNG\r\n\x1a\n")
        case "image/jpeg":
            return head.startswith(b"\xff\xd8\xff")
        case "image/webp":
            return head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return False
