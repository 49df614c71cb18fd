"""Turns letters into mails: the templates of `templates/email/`, their language and their look.

Called by the email senders of `tasks/channels/`, through `FileTemplates`.
"""
