"""What no column held is found where a grown schema has columns for it; a little too much is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.compare import born_paths, must_shape_anew
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.waiting_answers import WaitingAnswers
from tests.support.forms import judging
from tests.support.forms.histories import histories
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.surveys import Row, ask, group, repeat, survey
from tests.support.forms.waiting import may_wait

SOME = settings(max_examples=40, deadline=None)
MANY = settings(max_examples=5000, deadline=None)
BEFORE = [*ask("text", "name"), *repeat("people", ask("text", "people/who")), *group("g", ask("text", "q"))]


def grown_without_epoch(schemas: Sequence[FormSchema], first: int) -> tuple[int, frozenset[str]]:
    """How far schemas grow from one on before the epoch rises, and the paths that wait then."""
    waiting: set[str] = set()
    for number in range(first, len(schemas) - 1):
        before, after = schemas[number : number + 2]
        if must_shape_anew(before, after):
            return number, frozenset(waiting)
        waiting |= born_paths(before, after)
    return len(schemas) - 1, frozenset(waiting)


def finds_other_rows(data: st.DataObject) -> None:
    """A submission whose rows a grown schema makes otherwise is found by its rows as they are."""
    versions = data.draw(histories(versions=4, most=8, changes=4))
    schemas = judging.grown(versions)[1:]
    first = data.draw(st.integers(0, len(schemas) - 2))
    last, waiting = grown_without_epoch(schemas, first)
    assume(last > first)
    document = data.draw(odd_submissions(versions))
    before, after = (Shaper(schemas[number]).shape(document) for number in (first, last))
    if before.digest() != after.digest():
        assert may_wait(before, WaitingAnswers(waiting, schemas[last].repeats))


test_other_rows_are_found = SOME(given(st.data())(finds_other_rows))
test_other_rows_of_many_forms_are_found = pytest.mark.long(MANY(given(st.data())(finds_other_rows)))


@pytest.mark.parametrize(
    ("more", "extra", "waits"),
    [
        (ask("text", "colour"), {"colour": "red"}, True),
        (ask("text", "colour"), {"colour": None, "other": "x"}, True),
        (ask("text", "colour"), {"colours": "red", "colour/x": "red"}, False),
        (group("h", ask("text", "q")), {"h": [{"h/q": "x"}]}, True),
        (group("h", ask("text", "q")), {"h": {"h/q": "x"}}, True),
        (group("h", ask("text", "q")), {"h": "x"}, False),
        (group("h", ask("text", "q")), {"other": [{"h/q": "x"}]}, False),
        (repeat("pets", ask("text", "pet")), {"pets": [{"pets/pet": "Rex"}]}, True),
        (repeat("pets", ask("text", "pet")), {"pets/unknown/deep": "x"}, True),
        (repeat("pets", ask("text", "pet")), {"petsy/pet": "x"}, False),
        (group("h", repeat("pets", ask("text", "pet"))), {"h": [{"h/pets": []}]}, True),
    ],
)
def test_what_may_wait(more: list[Row], extra: dict[str, Any], waits: bool) -> None:
    before, after = survey(BEFORE), survey(BEFORE, [*BEFORE, *more])
    answers = WaitingAnswers(born_paths(before, after), after.repeats)
    assert answers.are_in(json.dumps(extra)) is waits


@pytest.mark.parametrize("extra", [None, "", "no JSON", "[]", '{"a": ' + "9" * 5000 + "}", "[" * 10**5])
def test_what_cannot_be_read_counts_as_waiting(extra: str | None) -> None:
    assert WaitingAnswers({"colour"}, ()).are_in(extra)


def test_a_list_that_was_rejected_waits_where_its_question_is_a_group_too() -> None:
    answers = WaitingAnswers({"q/inside", "h/q"}, ())
    assert [path for path in ("q", "h", "q/inside", "x") if answers.may_be_rejected_at(path)] == [
        "q", "h", "q/inside",
    ]  # fmt: skip
