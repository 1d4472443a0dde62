"""Answers of a group that has become a repeat are a rejection that names each column."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.submissions.values import Misfit, _judge, shape
from tests.support.submissions import QUESTION, submission


def shaped(data: dict[str, Any], form: Form) -> tuple[tuple[Any, ...] | None, str | None]:
    """The cells, or the reason why there are none."""
    found = shape(data, form)
    return (None, found.reason) if isinstance(found, Misfit) else (found, None)


GROUPED = Form(
    "grouped",
    (
        Column("note", "top/in/note", required=False),
        Column("told", "top/in/told", default="No"),
        Column("other", "other/number", Kind.INTEGER, required=False),
        Column("name", "name"),
    ),
)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            {"top/in": [{"top/in/note": "x", "top/in/told": "Yes"}]},
            "note: the answer to top/in/note is missing: top/in is a repeat in this submission; "
            "told: the answer to top/in/told is missing: top/in is a repeat in this submission",
        ),
        (
            {"top": [{"top/in/note": "x"}, {"top/in/told": "Yes"}]},
            "note: the answer to top/in/note is missing: top is a repeat in this submission; "
            "told: the answer to top/in/told is missing: top is a repeat in this submission",
        ),
        (
            {"top/in": [{"top/in/note": "x"}], "top/in/note": "y"},
            "told: the answer to top/in/told is missing: top/in is a repeat in this submission",
        ),
        (
            {"other": [{"other/number": "1"}, {"other/number": "2"}]},
            "other: the answer to other/number is missing: other is a repeat in this submission",
        ),
    ],
)
def test_an_answer_in_a_repeat_is_neither_null_nor_the_default(answers: dict[str, Any], said: str) -> None:
    data = {"name": "Ann", **answers}
    assert shaped(data, GROUPED) == (None, said)
    assert _judge(data, GROUPED) == shape(data, GROUPED)


@pytest.mark.parametrize("answers", [{}, {"top/in/note": "x"}, {"topic": [{"topic/x": "1"}]}, {"other": "7"}])
def test_other_lists_and_blanks_fit_a_form_with_groups(answers: dict[str, Any]) -> None:
    assert shaped({"name": "Ann", **answers}, GROUPED)[1] is None


def test_a_group_that_became_a_repeat_names_every_column_in_it() -> None:
    inside = {path: answer for path, answer in submission(7).items() if path.startswith("sec_c/")}
    moved = {path: answer for path, answer in submission(7).items() if path not in inside}
    found = shape({**moved, "sec_c": [inside]}, KOBO_RECORDS)
    assert isinstance(found, Misfit)
    assert set(found.columns) == {name for name, path in QUESTION.items() if path.startswith("sec_c/")}
    assert found.reason.startswith(
        "client_name: the answer to sec_c/cd_client_name is missing: sec_c is a repeat in this submission; "
    )
    assert len(found.reason) <= 500
