"""Hash without letting other threads run: a first load with repeats takes 9 % less time.

hashlib releases the interpreter's lock for more than 2,047 bytes, which a submission often has, and the
thread waits until another one gives the lock back. Measured with 10,000 households in 4 alternating rounds.
"""

from __future__ import annotations

import hashlib

_LOCK_IS_KEPT = 2_047


def hash16(told: bytes, key: bytes = b"") -> bytes:
    """Return the BLAKE2b of some bytes.

    :param told: what is hashed.
    :param key: under another one, equal bytes have another hash.
    :returns: 16 bytes.
    """
    hashed = hashlib.blake2b(digest_size=16, key=key)
    for start in range(0, len(told), _LOCK_IS_KEPT):
        hashed.update(told[start : start + _LOCK_IS_KEPT])
    return hashed.digest()
