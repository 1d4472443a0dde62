"""Decodes a body by its Content-Encoding: gzip in all its valid spellings and forms."""

from __future__ import annotations

import gzip
import io
import zlib

_GZIP = ("gzip", "x-gzip")  # RFC 9110 §8.4.1.3: the same
_NONE = ("", "identity")


class UnknownEncodingError(ValueError):
    """The body is in an encoding that was not asked for."""


class DamagedError(ValueError):
    """The body is not what its encoding says."""


class TooLargeError(ValueError):
    """The decoded body is larger than was allowed."""


def decoded(wire: bytes, encodings: str, *, most: int) -> bytes:
    """Return the decoded body of a response.

    :param wire: the body as it was received.
    :param encodings: the value of ``Content-Encoding``, in any case, with any spaces and empty parts.
    :param most: bytes that the decoded body may have.
    :raises UnknownEncodingError: an encoding is not gzip.
    :raises DamagedError: the body is no valid gzip.
    :raises TooLargeError: it is larger than ``most`` when decoded.
    """
    names = [name for part in encodings.split(",") if (name := part.strip().lower()) not in _NONE]
    if any(name not in _GZIP for name in names):
        raise UnknownEncodingError
    content = wire
    for _ in names if wire else ():
        content = _gunzip(content, most)
    return content


def _gunzip(packed: bytes, most: int) -> bytes:
    """Undo gzip: nearly always one member and nothing after it, and so decoded at once."""
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpack.decompress(packed, most + 1)
        if len(plain) <= most and (unpack.unused_data or not unpack.eof):
            plain = _all_members(packed, most)
    except (EOFError, OSError, zlib.error) as problem:
        raise DamagedError from problem
    if len(plain) > most:
        raise TooLargeError
    return plain


def _all_members(packed: bytes, most: int) -> bytes:
    """Undo gzip of several members, with zeros after the last one or between them (RFC 1952 §2.2).

    :raises EOFError, OSError, zlib.error: it is damaged, or other bytes follow.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        return file.read(most + 1)
