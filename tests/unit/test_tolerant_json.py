from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobo_mirror.tolerant_json import cut, dumps, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=15,
)


@given(value=JSON, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_what_is_json_is_read_as_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert loads(raw) == value
    assert json.loads(dumps(loads(raw))) == value


@given(value=JSON, levels=st.integers(min_value=0, max_value=4))
def test_what_is_cut_off_can_be_put_back(value: Any, levels: int) -> None:
    raw = json.dumps(value, ensure_ascii=False).encode()
    skeleton, pieces = cut(raw, levels)
    assert put_back(json.loads(skeleton), [json.loads(piece) for piece in pieces], levels) == value


def put_back(value: Any, pieces: list[Any], levels: int) -> Any:
    """The value that a skeleton was cut from."""
    if isinstance(value, dict | list) and not levels:
        [number] = value
        return pieces[number]
    if isinstance(value, dict):
        return {key: put_back(item, pieces, levels - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [put_back(item, pieces, levels - 1) for item in value]
    return value


@pytest.mark.parametrize(
    "raw",
    [
        b"[",
        b"]",
        b"{}}",
        b'"',
        b'{"a": "}',
        b'"' * 400_001,
        b"[" * 400_000,
        b'["' * 200_000,
        b'"\\' * 300_000,
    ],
    ids=lambda raw: repr(raw[:8]),
)
def test_what_cannot_be_cut_is_refused_in_a_moment(raw: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"match|end"):
        cut(raw, 2)
    assert time.monotonic() - started < 5
