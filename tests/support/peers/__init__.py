"""Providers as the service meets them: real protocols on loopback, answering as tests choose."""
