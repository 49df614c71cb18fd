"""Turns letters into mails: templates shipped and stored, their language and their look.

Called by the email senders of `tasks/channels/`, through `StoredTemplates`; the server checks and
previews templates by `press` and reads what is shipped by `sources`.
"""
