"""The certificate that the service shows when it serves HTTPS itself (contract section 8)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


class TlsUnusable(Exception):
    """The two files are no certificate and its key."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Two PEM files: the certificate with those that lead to its issuer, and its private key."""

    cert: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return what the server speaks TLS 1.2 or newer by. Raises TlsUnusable."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # An encrypted key would be asked for at the terminal, where nobody is.
            context.load_cert_chain(self.cert, self.key, password="")
        except ssl.SSLError as error:
            reason = (error.reason or "not PEM").lower().replace("_", " ")
            raise TlsUnusable(f"cannot be used ({reason})") from None
        except OSError as error:
            raise TlsUnusable(f"cannot be read ({error.strerror})") from None
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return what programs of this machine trust this very certificate by, whoever issued it.

        It names the public host, by which they do not ask.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.cert)
        return context
