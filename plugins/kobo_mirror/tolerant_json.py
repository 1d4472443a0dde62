"""A decoder for JSON that strict ones refuse: NaN, half characters, bytes that are not UTF-8, deep nesting.

It is slow, so it is used only for what the fast decoder has refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isinf
from typing import Any

_NEXT = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+([\[\]{}"]|\Z)', re.DOTALL)
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class OddValue:
    """A value that JSON or Python cannot express, in the place where it stood.

    :param text: the value as it was spelt; a byte that is not UTF-8 is a lone surrogate.
    :param fault: what is wrong with it, to continue a sentence that starts with "the answer".
    """

    text: str
    fault: str


def loads(raw: bytes) -> Any:
    """Return the value of a JSON text, with an :class:`OddValue` in place of each value that is not JSON.

    Lone surrogates and control characters in strings are accepted.

    :param raw: the text, as it was sent.
    :raises ValueError: it is not JSON in other ways.
    :raises RecursionError: it is nested too deeply for Python.

    >>> loads(b'{"age": NaN}')["age"].fault
    'is NaN, which JSON does not have'
    """
    value = _decoder.decode(raw.decode("utf-8", "surrogateescape"))
    return value if is_utf8(raw) else _with_bad_texts_marked(value)


def is_utf8(raw: bytes) -> bool:
    """Return True if bytes are UTF-8.

    :param raw: the bytes.
    """
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def cut(raw: bytes, levels: int) -> tuple[bytes, list[bytes]]:
    """Cut a JSON text off below a level of nesting, however deep it is, without decoding it.

    :param raw: the text.
    :param levels: how many levels to keep; an object or list at the top is the first.
    :returns: the text with ``[0]``, ``[1]`` … in place of each object and list that lies deeper; and these,
        as they were sent.
    :raises ValueError: a string in it has no end, or its brackets do not match.

    >>> cut(b'{"a": {"b": {}}}', 1)
    (b'{"a": [0]}', [b'{"b": {}}'])
    """
    kept: list[bytes] = []
    pieces: list[bytes] = []
    depth = copied = 0
    for found in _NEXT.finditer(raw):
        sign, end = found[1], found.end()
        if sign in _OPENING:
            depth += 1
            if depth == levels + 1:
                kept += (raw[copied : end - 1], b"[%d]" % len(pieces))
                copied = end - 1
        elif sign in _CLOSING:
            if depth == levels + 1:
                pieces.append(raw[copied:end])
                copied = end
            depth -= 1
        elif sign:
            raise ValueError("a text has no end")
    if depth:
        raise ValueError("the brackets do not match")
    return b"".join((*kept, raw[copied:])), pieces


def dumps(value: Any) -> bytes:
    """Return a value as ASCII JSON with sorted keys: equal bytes for equal values, odd ones included.

    :param value: what ``loads`` returned, or a part of it.
    """
    return json.dumps(value, sort_keys=True, default=_spelt).encode()


def _spelt(value: Any) -> dict[str, str]:
    if isinstance(value, OddValue):
        return {"\udfff": value.text}  # a key that no submission has
    raise TypeError(f"no JSON: {type(value).__name__}")


def _with_bad_texts_marked(value: Any) -> Any:
    if isinstance(value, str):
        bad = _ESCAPED_BYTE.search(value)
        return OddValue(value, "holds bytes that are not UTF-8") if bad else value
    if isinstance(value, list):
        return [_with_bad_texts_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_bad_texts_marked(item) for key, item in value.items()}
    return value


def _constant(name: str) -> OddValue:
    return OddValue(name, f"is {name}, which JSON does not have")


def _whole_number(text: str) -> int | OddValue:
    try:
        return int(text)
    except ValueError:  # thousands of digits, which Python refuses to convert
        return OddValue(text, "is a number of too many digits")


def _number(text: str) -> float | OddValue:
    number = float(text)
    return OddValue(text, "is a number that is too large") if isinf(number) else number


_decoder = json.JSONDecoder(
    strict=False, parse_constant=_constant, parse_int=_whole_number, parse_float=_number
)
