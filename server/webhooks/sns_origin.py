"""Which URLs are Amazon SNS's own: those of the region that our topic is in, and no others.

A message names the certificate that it is signed with, so without this anybody could sign one.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
"""Without what one reader of URLs drops and the next one does not: white space, a backslash."""

_DOMAINS = {"aws-cn": "amazonaws.com.cn"}


class SnsOrigin:
    """Where SNS is; `endpoint` is an emulator that stands in for it."""

    def __init__(self, topic_arn: str, endpoint: str | None = None) -> None:
        _, partition, _, region, *_ = topic_arn.split(":")
        domain = _DOMAINS.get(partition, "amazonaws.com")
        parts = urlsplit(endpoint or f"https://sns.{region}.{domain}")
        self._scheme, self._netloc = parts.scheme, parts.netloc.lower()

    def has(self, url: str) -> bool:
        """Tell whether `url` is SNS's, by scheme, host and port alone, nothing beside them."""
        if not _PLAIN.fullmatch(url):
            return False
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc.lower()) == (self._scheme, self._netloc)

    def has_certificate(self, url: str) -> bool:
        """Tell whether `url` is that of a certificate of SNS's."""
        if not self.has(url):
            return False
        parts = urlsplit(url)
        return parts.path.endswith(".pem") and not parts.query and not parts.fragment
