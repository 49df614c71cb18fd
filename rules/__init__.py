"""What the service decides, without I/O: identities, kinds, gates, audiences.

Called by every layer above; imports nothing of ours but tables of `config`.
"""
