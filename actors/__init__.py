"""Actors on the IOLoop: who holds state in a server process; built and called by `server/`."""
