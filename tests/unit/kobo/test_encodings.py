from __future__ import annotations

import gzip
import os
import time
import zlib
from collections.abc import Callable

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.encodings import DamagedError, TooLargeError, UnknownEncodingError, decoded
from kobo_mirror.kobo.form import KoboClient, ResponseTooLargeError
from tests.support.faulty_server import FaultyServer, response

PAGE = b'{"count": 1, "results": [{"_id": 7}]}'
MOST = 1_000_000
PACKED = gzip.compress(PAGE)
FLAGGED = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\x03\x00abc" + b"name\0" + b"comment\0" + PACKED[10:]


def members(content: bytes, size: int, between: bytes = b"") -> bytes:
    """The content as one gzip member for each ``size`` bytes."""
    parts = [content[first : first + size] for first in range(0, len(content), size)]
    return between.join(gzip.compress(part, 1) for part in parts)


VALID = {
    "one member": PACKED,
    "two members": members(PAGE, 20),
    "one member a byte": members(PAGE, 1),
    "an empty member": gzip.compress(b"") + PACKED + gzip.compress(b""),
    "zeros at the end": PACKED + bytes(8),
    "a block of zeros at the end": PACKED + bytes(10_240),
    "zeros between and at the end": members(PAGE, 20, bytes(3)) + bytes(3),
    "extra fields, a name and a comment": FLAGGED,
    "not compressed": gzip.compress(PAGE, 0),
}


@pytest.mark.parametrize("packed", VALID.values(), ids=VALID.keys())
@pytest.mark.parametrize(
    "encodings",
    ["gzip", "x-gzip", "GZIP", "X-Gzip", " gzip ", "\tgzip", "gzip, identity", "identity,gzip,", ",gzip"],
)
def test_every_valid_gzip_is_undone(encodings: str, packed: bytes) -> None:
    assert decoded(packed, encodings, most=MOST) == PAGE
    assert decoded(packed, encodings, most=len(PAGE)) == PAGE
    with pytest.raises(TooLargeError):
        decoded(packed, encodings, most=len(PAGE) - 1)


@pytest.mark.parametrize("encodings", ["", "identity", " Identity ", "identity, identity", ",", " , "])
def test_a_body_without_encoding_is_left_as_it_is(encodings: str) -> None:
    assert decoded(PAGE, encodings, most=MOST) == PAGE


def test_gzip_twice_is_undone_twice() -> None:
    assert decoded(gzip.compress(VALID["two members"]), "gzip, x-gzip", most=MOST) == PAGE


@pytest.mark.parametrize("encodings", ["gzip", "GZIP"])
def test_an_empty_body_stays_empty_in_any_encoding(encodings: str) -> None:
    assert decoded(b"", encodings, most=MOST) == b""


@pytest.mark.parametrize("encodings", ["br", "deflate", "gzip, br", "br, gzip", "gzipped", "gzip;q=1", "*"])
def test_an_encoding_that_was_not_asked_for_is_refused(encodings: str) -> None:
    with pytest.raises(UnknownEncodingError):
        decoded(PACKED, encodings, most=MOST)


DAMAGED = {
    "not gzip": PAGE,
    "deflate": zlib.compress(PAGE),
    "half": PACKED[:-12],
    "no checksum": PACKED[:-8],
    "half a checksum": PACKED[:-3],
    "another checksum": PACKED[:-8] + bytes(4) + PACKED[-4:],
    "another length": PACKED[:-1] + b"\x01",
    "more": PACKED + b"more",
    "a byte more": PACKED + b"\x1f",
    "zeros and more": PACKED + bytes(8) + b"more",
    "half a second member": PACKED + PACKED[:-12],
    "a second member without its checksum": PACKED + PACKED[:-8],
    "a second member of another checksum": PACKED + PACKED[:-8] + bytes(4) + PACKED[-4:],
    "only zeros": bytes(64),
}


@pytest.mark.parametrize("packed", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_gzip_body_is_an_error(packed: bytes, connect: Callable[..., KoboClient]) -> None:
    with pytest.raises(DamagedError):
        decoded(packed, "gzip", most=MOST)
    broken = response(packed, Content_Encoding="gzip")
    with (
        FaultyServer(broken) as server,
        connect(server.url) as client,
        pytest.raises(ServerError, match="sent a damaged gzip answer"),
    ):
        client.page(after=5, limit=10)


@pytest.mark.parametrize("before", [b"", gzip.compress(b" ", 1) * 100_000], ids=["large", "small and large"])
def test_all_members_together_are_bounded(before: bytes, connect: Callable[..., KoboClient]) -> None:
    packed = before + gzip.compress(bytes(1 << 20), 9) * 70
    started = time.monotonic()
    with (
        FaultyServer(response(packed, Content_Encoding="gzip")) as server,
        connect(server.url) as client,
        pytest.raises(ResponseTooLargeError, match="more than 64 MiB"),
    ):
        client.page(after=5, limit=10)
    assert time.monotonic() - started < 20


def test_a_large_gzip_body_of_several_members_is_read_whole() -> None:
    content = os.urandom(3_000_000) + bytes(3_000_000)
    assert decoded(members(content, 700_001, bytes(5)), "gzip", most=6_000_000) == content
