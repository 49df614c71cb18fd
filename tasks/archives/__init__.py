"""Where notifications go before their rows are removed: a directory, or a bucket of S3.

Used by `tasks/retention.py`; which one, the settings or `run.py task retention --archive` say.
"""
