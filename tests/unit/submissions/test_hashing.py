"""What is hashed piece by piece has the hash of the whole."""

from __future__ import annotations

import hashlib
import secrets

import pytest

from kobo_mirror.submissions.hashing import hash16


@pytest.mark.parametrize("key", [b"", b"of a form"])
@pytest.mark.parametrize("length", [0, 1, 2_046, 2_047, 2_048, 4_094, 4_095, 5_000, 100_000])
def test_a_hash_is_that_of_all_bytes(length: int, key: bytes) -> None:
    told = secrets.token_bytes(length)
    assert hash16(told, key) == hashlib.blake2b(told, digest_size=16, key=key).digest()
