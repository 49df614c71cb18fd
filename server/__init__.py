"""The edge: HTTP and WebSocket handlers, their schemas and errors, and what builds the service.

`run.py` calls `serve` and `launcher`.
"""
