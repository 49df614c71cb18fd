"""What providers tell us, believed when it is signed; server/handlers/webhooks.py calls it."""
