"""Whatever a submission of the survey says, declared table, rest and payload have each value once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.values import Misfit, shape
from tests.support.forms.oddities import ODD_TEXTS
from tests.support.forms.reparsing import reparsed
from tests.support.judge.verdict import faults
from tests.support.submissions import submission
from tests.unit.submissions.contract.forms import schema_of

SOME = settings(max_examples=150, deadline=None)
MANY = settings(max_examples=4000, deadline=None)
QUESTIONS = tuple(column.question for column in KOBO_RECORDS.columns)
GROUPS = tuple(dict.fromkeys(path.rpartition("/")[0] for path in QUESTIONS if "/" in path))
FORMS = ("survey", "survey with repeat")

Document = dict[str, Any]
_VALUES = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(("38", " 7 ", "2026-11-21", "1 2", "a.png")),
    st.sampled_from((None, 5, True, 1.5, [], {}, ["a"], [{"sec_c/cd_age": "1"}])),
)
_KEYS = st.sampled_from((*QUESTIONS, "sec_c/cd_gps", "photo", "sec_c/x", "members/member_name", "members"))
_ROWS = st.lists(st.dictionaries(_KEYS, _VALUES, max_size=3), max_size=2)


@st.composite
def surveys(draw: st.DrawFn) -> Document:
    """A submission of the survey, with some of its answers changed, taken away, or moved into lists."""
    document = submission(7) | draw(st.dictionaries(_KEYS, _VALUES, max_size=3))
    for key in draw(st.lists(st.sampled_from(QUESTIONS), max_size=2)):
        document.pop(key, None)
    for section in draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)):
        how = draw(st.sampled_from(("rows", "moved", "some moved")))
        if how == "rows":
            document[section] = draw(_ROWS)
            continue
        within = [key for key in document if key.startswith(f"{section}/")]
        moved = within if how == "moved" else within[::2]
        document[section] = [{key: document.pop(key) for key in moved}]
    return document


def by_question(document: Document) -> dict[str, Any] | None:
    """The declared table's cells, or None for a submission that it rejects."""
    cells = shape(document, KOBO_RECORDS)
    return None if isinstance(cells, Misfit) else dict(zip(QUESTIONS, cells, strict=True))


def has_one_home(document: Document, form: str) -> None:
    schema = schema_of(form)
    row_set = Shaper(schema).shape(document)
    assert faults(schema, document, row_set, by_question(document)) == []


@pytest.mark.parametrize("list_of", ["sec_a", "sec_b"])
@pytest.mark.parametrize("answer", ["", "2026-01-31", 5])
def test_an_answer_in_the_list_of_another_group_is_kept(list_of: str, answer: object) -> None:
    document = {key: value for key, value in submission(7).items() if key != "cd_survey_date"}
    document = {key: value for key, value in document.items() if not key.startswith(f"{list_of}/")}
    document[list_of] = [{"cd_survey_date": answer}]
    has_one_home(document, "survey")
    (root,) = Shaper(schema_of("survey")).shape(document).rows
    assert root.extra == {"cd_survey_date": answer}


test_each_value_has_one_home = SOME(given(surveys(), st.sampled_from(FORMS))(has_one_home))
test_each_value_of_many_has_one_home = pytest.mark.long(
    MANY(given(surveys(), st.sampled_from(FORMS))(has_one_home))
)


@SOME
@given(st.dictionaries(st.sampled_from(("sec_c/cd_gps", "sec_c/x", "sec_a/y", "photo")), st.text(max_size=5)))
def test_a_parsing_while_the_plan_waits_changes_no_row_of_the_rest(changes: dict[str, str]) -> None:
    before = submission(7) | changes
    after = reparsed(before, ["sec_c"])
    shaper = Shaper(schema_of("survey"))
    assert shaper.shape(after).digest() == shaper.shape(before).digest()
    assert (by_question(before) is None, by_question(after)) == (False, None)
