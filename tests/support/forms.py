"""Send a form with a file, as browsers do."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping

BOUNDARY = "----a-form"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(fields: Mapping[str, str], content: bytes | None) -> bytes:
    """Return the body of a form; the file comes last."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if content is not None:
        head = 'Content-Disposition: form-data; name="file"; filename="a.bin"'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def posted(url: str, fields: Mapping[str, str], content: bytes) -> int:
    """Send a form and return the status of the answer."""
    request = urllib.request.Request(
        url,
        data=multipart(fields, content),
        method="POST",
        headers={"Content-Type": CONTENT_TYPE},
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    return status
