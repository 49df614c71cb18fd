"""Build the HTTP server of a process; the tests build theirs here, too."""

from __future__ import annotations

import tornado.httpserver

from server.application import Application

LARGEST_BODY_BYTES = 1 << 40
"""Handlers have limits of their own and read bodies as they come, so this is for none to meet."""


def http_server(application: Application) -> tornado.httpserver.HTTPServer:
    """Return a server of `application` that listens nowhere yet."""
    return tornado.httpserver.HTTPServer(application, max_body_size=LARGEST_BODY_BYTES)
