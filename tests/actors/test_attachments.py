"""What all connections of one user are sent, and who is left out."""

from __future__ import annotations

from uuid import UUID

from actors.attachments import Attachments
from tests.actors.test_attachment import frame
from tests.support.actors import RecordingConnection


def test_each_connection_is_sent_what_concerns_all_until_it_goes() -> None:
    attachments = Attachments()
    assert not attachments
    first, second = RecordingConnection(), RecordingConnection()
    attached = [attachments.add(each, 1) for each in (first, second)]
    assert attachments.find(second) is attached[1]
    assert attachments.find(None) is None
    for each in attached:
        each.release()
    attachments.announce(UUID(int=1), frame(1))
    attachments.show(frame("follower"))
    attachments.send(frame("read"), but=second)
    assert (first.types, second.types) == (["1", "follower", "read"], ["1", "follower"])
    attachments.remove(first)
    attachments.remove(first)
    assert attached[0] not in attachments
    assert attached[1] in attachments
    assert attachments.find(first) is None
    attachments.send(frame("read"))
    assert (first.types[3:], second.types[2:]) == ([], ["read"])
    assert len(attachments) == 1
