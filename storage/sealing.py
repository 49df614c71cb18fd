"""Encrypt what notifications say that is as private as an address (contract section 6).

A value under one of `SECRET_NAMES` is stored as bytes, encrypted for the recipient. What JSON can
say is never bytes, so those that are found are sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from storage.client import Document
    from storage.encryption import FieldCipher

SECRET_NAMES = frozenset({"contact_person", "contact_phone", "confirmation_code", "phone"})
"""Of the data of a notification, and of its buttons."""


def sealed(document: Document, cipher: FieldCipher) -> Document:
    """Return the document of a notification as it is stored."""
    if not has_secrets(document["data"], document["action_buttons"]):
        return document
    owner = document["recipient_id"]
    return {
        **document,
        "data": _sealed(document["data"], cipher, owner),
        "action_buttons": [_sealed(each, cipher, owner) for each in document["action_buttons"]],
    }


def opened(document: Document, cipher: FieldCipher) -> Document:
    """Return the document of a notification in clear."""
    if not has_secrets(document["data"], document["action_buttons"]):
        return document
    owner = document["recipient_id"]
    return {
        **document,
        "data": _opened(document["data"], cipher, owner),
        "action_buttons": [_opened(each, cipher, owner) for each in document["action_buttons"]],
    }


def has_secrets(data: Mapping[str, Any], buttons: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether anything of what a notification says is encrypted where it is stored."""
    if not SECRET_NAMES.isdisjoint(data):
        return True
    return not all(map(SECRET_NAMES.isdisjoint, buttons))


def _sealed(values: Mapping[str, Any], cipher: FieldCipher, owner: UUID) -> dict[str, Any]:
    return {
        name: cipher.encrypt(orjson.dumps(value).decode(), owner=owner)
        if name in SECRET_NAMES
        else value
        for name, value in values.items()
    }


def _opened(values: Mapping[str, Any], cipher: FieldCipher, owner: UUID) -> dict[str, Any]:
    return {
        name: value
        if not isinstance(value, bytes)
        else orjson.loads(cipher.decrypt(value, owner=owner))
        for name, value in values.items()
    }
