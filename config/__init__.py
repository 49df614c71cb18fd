"""Settings from the environment, development secrets and logging; read once, by `run.py`."""
