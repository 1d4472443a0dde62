from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobo_mirror.kobo.pages import Page, cut_swept_page
from kobo_mirror.store.ledger_windows import SweptRow, window_text
from kobo_mirror.submissions.document import stamp_of, token
from kobo_mirror.submissions.rows import read_state
from kobo_mirror.sync.judging import swept_row_of
from kobo_mirror.sync.sweep import _read_odd, page_text, swept_rows_of
from tests.support.submissions import APPROVED, MIRROR, body, submission

TEXT = st.sampled_from(["", "a", "uuid:a", "a,b", "é", "a\tb", "x" * 90, "validation_status_approved"])
VALUE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
STATUS = st.dictionaries(st.sampled_from(["uid", "timestamp", "label"]), VALUE)
ODD_ROW = st.fixed_dictionaries(
    {"_id": st.just(7)},
    optional={"_uuid": VALUE, "_validation_status": VALUE | st.lists(VALUE, max_size=1) | STATUS},
)


def seen_in(row: bytes) -> list[SweptRow]:
    return swept_rows_of(cut_swept_page(b'{"count": 1, "results": [' + row + b"]}"))


@given(row=ODD_ROW)
def test_the_fast_and_the_slow_reader_see_the_same(row: dict[str, Any]) -> None:
    raw = json.dumps(row).encode()
    assert seen_in(raw) == [_read_odd(msgspec.Raw(raw), 7)]


def test_a_row_that_cannot_be_read_is_swept_without_token_and_validation() -> None:
    assert seen_in(b'{"_id": 7, "_uuid": "\xff"}') == [SweptRow(7, None, None, None)]


@pytest.mark.parametrize("status", [{}, None, APPROVED])
def test_a_sweep_sees_of_a_submission_what_the_whole_one_says(status: Any) -> None:
    raw = body(submission(7, _validation_status=status))
    assert seen_in(raw) == [swept_row_of(read_state(raw, MIRROR))]


SEEN = st.builds(
    SweptRow,
    st.integers(1, 12),
    st.none() | st.text("a1, ", min_size=1, max_size=3),
    st.none() | st.text("b2, ", min_size=1, max_size=3),
    st.none() | st.integers(-12, 12),
)


@given(one=st.lists(SEEN, max_size=3), other=st.lists(SEEN, max_size=3))
def test_texts_are_equal_if_and_only_if_the_rows_are(one: list[SweptRow], other: list[SweptRow]) -> None:
    assert (window_text(one) == window_text(other)) == (one == other)


NASTY = st.lists(
    st.sampled_from(
        ["a", "uuid:", "\t", "\n", ",", "?", "7", "9" * 20, "1.5", "é", "\x7f", "\t\t\n,7\t", "x" * 90]
    ),
    max_size=4,
).map("".join)
SWEPT = st.lists(
    st.fixed_dictionaries(
        {"_id": st.integers(1, 12), "_uuid": NASTY},
        optional={
            "_validation_status": st.fixed_dictionaries(
                {}, optional={"uid": NASTY, "timestamp": st.integers() | st.floats(allow_nan=False)}
            )
        },
    ),
    max_size=3,
)
A_LINE = re.compile(r"(\d+)\t([^\t\n]*)\t([^\t\n]*)\t(-?\d*)\n")


def page_of(rows: list[dict[str, Any]]) -> Page:
    return cut_swept_page(json.dumps({"count": len(rows), "results": rows}).encode())


def is_stored(text: str | None) -> bool:
    """Whether something that a server sends is stored as that."""
    return text is None or token(f"uuid:{text}") == text


@given(rows=SWEPT)
def test_the_text_of_a_page_equals_only_that_of_a_ledger_with_its_rows(rows: list[dict[str, Any]]) -> None:
    page = page_of(rows)
    text = page_text(page)
    ledger = [
        SweptRow(int(kobo_id), uuid or None, status or None, int(stamp) if stamp else None)
        for kobo_id, uuid, status, stamp in A_LINE.findall(text)
    ]
    possible = all(
        is_stored(seen.uuid)
        and is_stored(seen.validation_status)
        and stamp_of(seen.validation_timestamp) == seen.validation_timestamp
        for seen in ledger
    )
    if possible and window_text(ledger) == text:
        assert window_text(swept_rows_of(page)) == text


@given(
    rows=st.lists(st.fixed_dictionaries({"_id": st.integers(1, 12), "_uuid": st.text("abc-1", max_size=9)}))
)
def test_the_text_of_a_usual_page_is_that_of_its_rows(rows: list[dict[str, Any]]) -> None:
    page = page_of(rows)
    assert page_text(page) == window_text(swept_rows_of(page))
