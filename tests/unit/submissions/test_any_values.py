"""Random answers: the compiled reader and the one that names the reason agree."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.submissions.values import Misfit, _judge, shape
from tests.support.submissions import QUESTION, submission


def shaped(data: dict[str, Any], form: Form) -> tuple[tuple[Any, ...] | None, str | None]:
    """The cells, or the reason why there are none."""
    found = shape(data, form)
    return (None, found.reason) if isinstance(found, Misfit) else (found, None)


ODD_TEXT = st.one_of(
    st.text(alphabet=st.characters(codec=None), max_size=6),
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "\udc00\ud800", "1", " 12 ", "-0", "+5", "1e3", "abc", "2024-13-45"]
    ),
    st.integers(min_value=-(2**33), max_value=2**33).map(str),
    st.dates().map(str),
    st.datetimes(timezones=st.sampled_from([None])).map(lambda moment: moment.isoformat()),
    st.integers(min_value=250, max_value=260).map(lambda length: "é" * length),
)


ANY_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), ODD_TEXT
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


ODD_ANSWERS = st.dictionaries(st.sampled_from(sorted(QUESTION.values())), ANY_JSON, max_size=4)


@settings(max_examples=600, deadline=None)
@given(odd=ODD_ANSWERS, lacking=st.sets(st.sampled_from(sorted(QUESTION.values())), max_size=2))
@example(odd={QUESTION["age"]: 5.0}, lacking=set())
@example(odd={QUESTION["age"]: True}, lacking=set())
@example(odd={QUESTION["phone"]: "\ud83d", QUESTION["alt_phone"]: "\ude00"}, lacking=set())
def test_the_fast_reader_and_the_judge_agree(odd: dict[str, Any], lacking: set[str]) -> None:
    data = {key: value for key, value in (submission(7) | odd).items() if key not in lacking}
    found, why = shaped(data, KOBO_RECORDS)
    judged = _judge(data, KOBO_RECORDS)
    assert (judged.reason if isinstance(judged, Misfit) else judged) == (found or why)
    if not isinstance(judged, Misfit):
        assert [type(cell) for cell in found or ()] == [type(cell) for cell in judged]


PLAIN = Form(
    "other_table",
    (
        Column("needs", "cd_needs", required=False, default="none"),
        Column("visits", "visits", Kind.INTEGER, required=False),
        Column("seen", "seen_at", Kind.DATETIME, required=False),
    ),
)


@settings(max_examples=200, deadline=None)
@given(data=st.dictionaries(st.sampled_from(["cd_needs", "visits", "seen_at"]), ANY_JSON))
@example(data={"seen_at": "2026-11-23T10:00:00+03:00", "visits": "3"})
def test_the_fast_reader_and_the_judge_agree_for_any_form(data: dict[str, Any]) -> None:
    assert shape(data, PLAIN) == _judge(data, PLAIN)
