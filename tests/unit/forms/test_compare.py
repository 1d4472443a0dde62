"""What lies between two schemas: what must be shaped anew, and what may wait in ``extra``."""

from __future__ import annotations

import pytest

from kobo_mirror.forms.compare import born_paths, lacking, must_shape_anew
from kobo_mirror.forms.declared_form import Column, Form
from tests.support.forms.surveys import Row, ask, group, repeat, survey

BEFORE = [*ask("text", "name"), *ask("integer", "age"), *group("people", ask("text", "head"))]
VISITS = Form("visits", (Column("name", "name"),))


@pytest.mark.parametrize(
    ("after", "anew", "born"),
    [
        (BEFORE, False, set()),
        (ask("text", "name", label="Your name"), False, set()),
        ([*BEFORE, *ask("geopoint", "where")], False, {"where"}),
        ([*BEFORE, *repeat("pets", ask("text", "pet"))], False, {"pets", "pets/pet"}),
        ([*ask("decimal", "age"), *BEFORE], True, set()),
        ([*BEFORE[1:], *ask("geopoint", "name")], True, set()),
        ([*BEFORE[1:], *ask("image", "name")], True, set()),
        ([*BEFORE, *repeat("people", ask("text", "head"))], True, {"people"}),
        ([*BEFORE, *repeat("people", ask("text", "tail"))], True, {"people", "people/tail"}),
        ([*BEFORE, *repeat("name", ask("text", "other"))], True, {"name", "name/other"}),
    ],
)
def test_a_version_asks_for_new_rows_only_where_known_answers_are_read_otherwise(
    after: list[Row], anew: bool, born: set[str]
) -> None:
    first, second = survey(BEFORE), survey(BEFORE, after)
    assert must_shape_anew(first, second) is anew
    assert born_paths(first, second) == born
    assert lacking(first, second) == []


def test_a_repeat_that_becomes_a_question_has_answers_that_wait() -> None:
    """A text at the path of a repeat is no list of rows, so it waits in ``extra``."""
    first, second = (
        survey(repeat("pets", ask("text", "pet")), *more) for more in ([], [ask("text", "pets")])
    )
    assert not must_shape_anew(first, second)
    assert born_paths(first, second) == {"pets"}


def test_a_form_without_a_schema_has_rows_only_in_a_declared_table() -> None:
    assert not must_shape_anew(None, survey(BEFORE))
    assert must_shape_anew(None, survey(BEFORE, form=VISITS))


def test_a_declared_question_in_a_new_repeat_asks_for_new_rows() -> None:
    form = Form("visits", (Column("head", "people/head"),))
    after = repeat("people", ask("text", "head"))
    assert must_shape_anew(survey(BEFORE, form=form), survey(BEFORE, after, form=form))


def test_what_a_schema_lacks_of_an_earlier_one_is_named_with_its_physical_table() -> None:
    before = survey(ask("text", *(f"q{number}" for number in range(200))))
    after = survey(ask("text", *(f"q{number}" for number in range(199))))
    assert lacking(before, after) == [("survey__2", "q199")]
    assert lacking(after, before) == []
    assert lacking(survey(ask("text", "age")), survey(ask("integer", "age"))) == [("survey", "age")]
