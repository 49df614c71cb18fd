"""What is kept: one repository a collection, over asyncio, with the indexes and keys they rely on.

Called by `tasks`, `actors` and `server`; nothing here knows a web framework.
"""
