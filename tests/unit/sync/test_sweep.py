from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobo_mirror.forms.rows import read_state
from kobo_mirror.kobo.pages import cut_swept_page
from kobo_mirror.store.ledger import Seen, glance
from kobo_mirror.sync.sweep import _read_odd, seen_on
from kobo_mirror.sync.verify import seen_of
from tests.support.submissions import APPROVED, MIRROR, body, submission

TEXT = st.sampled_from(["", "a", "uuid:a", "a,b", "é", "a\tb", "x" * 90, "validation_status_approved"])
VALUE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
STATUS = st.dictionaries(st.sampled_from(["uid", "timestamp", "label"]), VALUE)
ODD_ROW = st.fixed_dictionaries(
    {"_id": st.just(7)},
    optional={"_uuid": VALUE, "_validation_status": VALUE | st.lists(VALUE, max_size=1) | STATUS},
)


def seen_in(row: bytes) -> list[Seen]:
    return seen_on(cut_swept_page(b'{"count": 1, "results": [' + row + b"]}"))


@given(row=ODD_ROW)
def test_the_fast_way_and_the_slow_one_see_the_same(row: dict[str, Any]) -> None:
    raw = json.dumps(row).encode()
    assert seen_in(raw) == [_read_odd(msgspec.Raw(raw), 7)]


def test_of_a_row_that_cannot_be_read_nothing_is_known() -> None:
    assert seen_in(b'{"_id": 7, "_uuid": "\xff"}') == [Seen(7, None, None, None)]


@pytest.mark.parametrize("status", [{}, None, APPROVED])
def test_a_sweep_sees_of_a_submission_what_the_whole_one_says(status: Any) -> None:
    raw = body(submission(7, _validation_status=status))
    assert seen_in(raw) == [seen_of(read_state(raw, MIRROR))]


SEEN = st.builds(
    Seen,
    st.integers(1, 12),
    st.none() | st.text("a1, ", min_size=1, max_size=3),
    st.none() | st.text("b2, ", min_size=1, max_size=3),
    st.none() | st.integers(-12, 12),
)


@given(one=st.lists(SEEN, max_size=3), other=st.lists(SEEN, max_size=3))
def test_texts_are_equal_if_and_only_if_the_rows_are(one: list[Seen], other: list[Seen]) -> None:
    assert (glance(one) == glance(other)) == (one == other)
