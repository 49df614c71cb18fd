"""The ways out: email, push and SMS, each over the provider that its URL names.

Called by tasks/delivery.py, which decides what is sent; a channel only sends.
"""
