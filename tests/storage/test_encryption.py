from __future__ import annotations

from uuid import UUID

import pytest

from storage.encryption import DecryptionError, FieldCipher

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ANNA, BEN = UUID(int=1), UUID(int=2)
ADDRESS = "anna@example.org"


def test_what_is_encrypted_comes_back() -> None:
    cipher = FieldCipher([OLD])
    assert cipher.decrypt(cipher.encrypt(ADDRESS, owner=ANNA), owner=ANNA) == ADDRESS


def test_the_same_value_looks_different_each_time() -> None:
    cipher = FieldCipher([OLD])
    assert len({cipher.encrypt(ADDRESS, owner=ANNA) for _ in range(50)}) == 50


def test_a_value_moved_to_another_user_does_not_decrypt() -> None:
    cipher = FieldCipher([OLD])
    stored = cipher.encrypt(ADDRESS, owner=ANNA)
    with pytest.raises(DecryptionError) as caught:
        cipher.decrypt(stored, owner=BEN)
    assert caught.value.owner == BEN
    assert ADDRESS not in str(caught.value)


def test_a_damaged_value_does_not_decrypt() -> None:
    cipher = FieldCipher([OLD])
    stored = bytearray(cipher.encrypt(ADDRESS, owner=ANNA))
    stored[-1] ^= 1
    with pytest.raises(DecryptionError):
        cipher.decrypt(bytes(stored), owner=ANNA)


@pytest.mark.parametrize("length", [4, 10, 20])
def test_a_value_cut_short_does_not_decrypt(length: int) -> None:
    cipher = FieldCipher([OLD])
    with pytest.raises(DecryptionError):
        cipher.decrypt(cipher.encrypt(ADDRESS, owner=ANNA)[:length], owner=ANNA)


def test_after_a_rotation_old_values_are_read_and_new_ones_written_with_the_new_key() -> None:
    before, after, later = FieldCipher([OLD]), FieldCipher([NEW, OLD]), FieldCipher([NEW])
    old_value = before.encrypt(ADDRESS, owner=ANNA)
    new_value = after.encrypt(ADDRESS, owner=ANNA)
    assert after.decrypt(old_value, owner=ANNA) == ADDRESS
    assert later.decrypt(new_value, owner=ANNA) == ADDRESS
    with pytest.raises(DecryptionError):
        before.decrypt(new_value, owner=ANNA)
    with pytest.raises(DecryptionError):
        later.decrypt(old_value, owner=ANNA)


def test_a_lookup_hash_is_the_same_each_time_and_different_under_another_key() -> None:
    first, second = FieldCipher([OLD]), FieldCipher([NEW, OLD])
    assert first.lookup_hash(ADDRESS) == first.lookup_hash(ADDRESS)
    assert first.lookup_hash(ADDRESS) != first.lookup_hash("ben@example.org")
    assert first.lookup_hash(ADDRESS) != second.lookup_hash(ADDRESS)


@pytest.mark.parametrize("keys", [[], [b"short"], [OLD, b"short"]])
def test_a_cipher_takes_only_whole_keys(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FieldCipher(keys)
