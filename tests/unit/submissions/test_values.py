"""How answers become cells: what fits is kept exactly, what does not is a reason without the answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Form, Kind
from kobo_mirror.submissions.values import Misfit, shape
from tests.support.submissions import QUESTION, changed, state, submission


def shaped(data: dict[str, Any], form: Form) -> tuple[tuple[Any, ...] | None, str | None]:
    """The cells, or the reason why there are none."""
    found = shape(data, form)
    return (None, found.reason) if isinstance(found, Misfit) else (found, None)


TEXTS = [column.name for column in KOBO_RECORDS.columns if column.kind is Kind.TEXT]


REQUIRED = [column.name for column in KOBO_RECORDS.columns if column.required and column.default is None]


SECRET = "ẞecret-answer"


def cells(**changes: Any) -> dict[str, Any]:
    found, reason = shaped(submission(7, **changes), KOBO_RECORDS)
    assert found is not None, reason
    return dict(zip((column.name for column in KOBO_RECORDS.columns), found, strict=True))


def reason(**changes: Any) -> str:
    found, why = shaped(submission(7, **changes), KOBO_RECORDS)
    assert found is None
    assert why is not None
    return why


def test_a_whole_submission_becomes_a_row_in_the_order_of_the_table() -> None:
    row = state(submission(7)).row
    assert row is not None
    assert row[1:] == (
        7,
        date(2026, 11, 21),
        "U-000001",
        "kenya",
        "south",
        "BDA 6",
        "1",
        "seed & grow",
        "Łukasz ወርቅ",
        "M00020",
        'Ward <3> "A"',
        "0700000020",
        "0711000020",
        "feature",
        "female",
        38,
        "KE",
        "3",
        "no",
        "secondary",
        "new",
        "no",
        2,
        "active",
        "yes",
        datetime(2026, 11, 23, 16, 19, 5),  # noqa: DTZ001  # UTC, as DATETIME holds it
    )


@pytest.mark.parametrize("name", ["survey_date", "alt_phone", "business_operating"])
@pytest.mark.parametrize("blank", [None, "", "  ", "\t\n", "\u2003"])
def test_a_blank_that_may_be_is_null(name: str, blank: str | None) -> None:
    assert cells(**{name: blank})[name] is None


@pytest.mark.parametrize(("name", "default"), [("disability", "No"), ("sole_income_earner", "Yes")])
@pytest.mark.parametrize("blank", [None, "", "  ", "\u2003"])
def test_a_blank_becomes_the_declared_default(name: str, default: str, blank: str | None) -> None:
    assert cells(**{name: blank})[name] == default


def test_a_null_is_a_blank() -> None:
    data = submission(7) | {QUESTION["alt_phone"]: None, QUESTION["disability"]: None}
    found, why = shaped(data, KOBO_RECORDS)
    assert (why, found and found[10:12], found and found[17]) == (None, ("0700000020", None), "No")
    missing = shaped(data | {QUESTION["age"]: None}, KOBO_RECORDS)
    assert missing == (None, f"age: the answer to {QUESTION['age']} is missing")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_answer_that_must_be_is_named(name: str) -> None:
    if name != "submission_time":  # a system field: without it the submission is not whole
        assert reason(**{name: None}) == f"{name}: the answer to {QUESTION[name]} is missing"
        assert reason(**{name: " "}) == f"{name}: the answer to {QUESTION[name]} is missing"


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("client_name", SECRET * 30, f"has {13 * 30} characters; at most 255 fit"),
        ("client_name", "x" * 256, "has 256 characters; at most 255 fit"),
        ("client_name", "😀" * 256, "has 256 characters; at most 255 fit"),
        ("client_name", f"{SECRET}\ud83d", "holds half a character (a lone surrogate)"),
        ("client_name", [SECRET], "is not a text"),
        ("client_name", {SECRET: SECRET}, "is not a text"),
        ("client_name", 17.5, "is not a text"),
        ("client_name", True, "is not a text"),
        ("alt_phone", 700000020, "is not a text"),
        ("age", "abc", "is not a whole number"),
        ("age", f"38 {SECRET}", "is not a whole number"),
        ("age", "38.0", "is not a whole number"),
        ("age", "3_8", "is not a whole number"),
        ("age", "٣٨", "is not a whole number"),
        ("age", "0x26", "is not a whole number"),
        ("age", True, "is not a whole number"),
        ("age", 38.0, "is not a whole number"),
        ("age", "2147483648", "is not between -2147483648 and 2147483647"),
        ("age", "-2147483649", "is not between -2147483648 and 2147483647"),
        ("age", 10**30, "is not between -2147483648 and 2147483647"),
        ("responsible_people", "9" * 5000, "is not between -2147483648 and 2147483647"),
        ("responsible_people", "0" * 100_000 + "x", "is not a whole number"),
        ("survey_date", "2024-13-45", "is no day of the calendar"),
        ("survey_date", "2026-02-29", "is no day of the calendar"),
        ("survey_date", "2026-11-21T00:00:00", "is not a date such as 2026-01-31"),
        ("survey_date", "21/11/2026", "is not a date such as 2026-01-31"),
        ("survey_date", "20261121", "is not a date such as 2026-01-31"),
        ("survey_date", "0999-12-31", "is before the year 1000"),
        ("survey_date", "0000-00-00", "is before the year 1000"),
        ("survey_date", SECRET, "is not a date such as 2026-01-31"),
        ("survey_date", 20261121, "is not a date such as 2026-01-31"),
        ("submission_time", SECRET, "is not a time such as 2026-01-31T23:59:59"),
        ("submission_time", "2026-11-23T16:19:05.123456", "has a fraction of a second"),
        ("submission_time", "2026-11-23T16:19:05.5+03:00", "has a fraction of a second"),
        ("submission_time", "0999-12-31T23:59:59.5", "is before the year 1000"),
        ("submission_time", "0999-12-31T23:59:59", "is before the year 1000"),
        ("submission_time", "0000-01-01T00:00:00", "is before the year 1000"),
        ("submission_time", "1000-01-01T00:00:00+03:00", "is before the year 1000"),
        ("submission_time", "0001-01-01T00:00:00+23:00", "is before the year 1000"),
        ("submission_time", "9999-12-31T23:59:59-23:00", "is after the year 9999"),
        ("submission_time", "2026-02-29T16:19:05", "is a time that does not exist"),
        ("submission_time", "2026-11-23T24:19:05Z", "is a time that does not exist"),
        ("submission_time", 17, "is not a time such as 2026-01-31T23:59:59"),
    ],
)
def test_what_does_not_fit_is_a_sentence_without_the_answer(name: str, answer: Any, said: str) -> None:
    why = reason(**{name: answer})
    assert why == f"{name}: the answer to {QUESTION[name]} {said}"
    assert SECRET not in why


@pytest.mark.parametrize(
    ("name", "answer", "cell"),
    [
        ("client_name", "x" * 255, "x" * 255),
        ("client_name", "😀" * 255, "😀" * 255),
        ("client_name", " padded ", " padded "),
        ("client_name", "\x00", "\x00"),
        ("client_name", "e\u0301", "e\u0301"),
        ("unique_id", "007", "007"),
        ("age", "007", 7),
        ("age", "0" * 30 + "7", 7),
        ("age", "-" + "0" * 30, 0),
        ("age", " +7 ", 7),
        ("age", "-1", -1),
        ("age", 38, 38),
        ("age", "2147483647", 2147483647),
        ("age", -2147483648, -2147483648),
        ("survey_date", "1000-01-01", date(1000, 1, 1)),
        ("survey_date", "2024-02-29", date(2024, 2, 29)),
        ("submission_time", "2026-11-23T19:19:05+03:00", datetime(2026, 11, 23, 16, 19, 5)),  # noqa: DTZ001  # UTC
        ("submission_time", "2026-11-23T16:19:05Z", datetime(2026, 11, 23, 16, 19, 5)),  # noqa: DTZ001  # UTC
    ],
)
def test_an_answer_that_fits_is_kept_exactly(name: str, answer: Any, cell: Any) -> None:
    assert cells(**{name: answer})[name] == cell


def test_every_problem_is_named_and_the_reason_fits_its_column() -> None:
    assert reason(age="abc", unique_id=None) == (
        "unique_id: the answer to sec_a/unique_id is missing; "
        "age: the answer to sec_c/cd_age is not a whole number"
    )
    everything = {question: [SECRET] for question in QUESTION.values()}
    found, why = shaped(everything, KOBO_RECORDS)
    assert found is None
    assert why is not None
    assert len(why) == 500
    assert SECRET not in why


@given(name=st.sampled_from(TEXTS), answer=st.text(min_size=1, max_size=255))
@settings(max_examples=200, deadline=None)
def test_a_text_travels_unchanged(name: str, answer: str) -> None:
    found, why = shaped(changed(submission(7), **{name: answer}), KOBO_RECORDS)
    if answer.isspace():
        return
    assert why is None
    assert found is not None
    assert found[[column.name for column in KOBO_RECORDS.columns].index(name)] == answer
