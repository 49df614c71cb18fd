"""One module a subject: what an event of the platform leads to, who is told and what.

Called by the lanes; `registry` ties event types to flows.
"""
