"""Any history of a form: what is added while the rest waits, and what its plan says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from kobo_mirror.forms.compare import lacking, must_shape_anew
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import grow, nothing_yet
from kobo_mirror.forms.form_schema import FormSchema, Status
from kobo_mirror.forms.holding_back import grow_up_to
from kobo_mirror.forms.plan import Care, Plan, What
from kobo_mirror.forms.plan_steps import plan_between
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.judging import UID

FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=500, deadline=None)


def read(deployed: Sequence[Deployed]) -> list[Version]:
    return [read_version(one.uid, one.content) for one in deployed]


def moved(schema: FormSchema) -> set[tuple[str, str]]:
    """The columns that are empty for good."""
    return {(t.name, c.name) for t in schema.tables for c in t.columns if c.status is Status.MOVED}


def meanings(schema: FormSchema) -> Counter[tuple[object, ...]]:
    """What the columns hold that have answers, whatever their names are."""
    return Counter(
        (table.chain, table.kind, column.path, column.facet, column.kind)
        for table in schema.tables
        for column in table.columns
        if Status.MOVED not in (table.status, column.status) and column.status is not Status.NARROWED
    )


def asked_last(schema: FormSchema, version: Version) -> tuple[set[str], list[str]]:
    """All questions, and those that the newest version asks in their order; where others stand may differ."""
    asked = {question.path for question in version.questions}
    return {*schema.reading_order}, [path for path in schema.reading_order if path in asked]


def check(deployed: Sequence[Deployed]) -> None:
    versions = read(deployed)
    grown = grow(nothing_yet(UID, "Form"), versions[0])
    for count in range(1, len(versions) + 1):
        known = versions[:count]
        full = grow_up_to(grown, known, Care.CAREFUL)
        assert full.waiting == ()
        for care in Care:
            check_step(grown, known, care)
        plan = plan_between(grown, full.schema)
        assert (plan.care is not Care.SAFE) == must_shape_anew(grown, full.schema)
        assert Plan.from_json(plan.to_json(), plan.versions) == plan
        grown = grow_up_to(grown, known, Care.SAFE).schema
    at_last = grow_up_to(grown, versions, Care.CAREFUL).schema
    from_nothing = nothing_yet(UID, "Form")
    for version in versions:
        from_nothing = grow(from_nothing, version)
    assert meanings(at_last) == meanings(from_nothing)
    assert at_last.versions == from_nothing.versions
    assert asked_last(at_last, versions[-1]) == asked_last(from_nothing, versions[-1])


def check_step(before: FormSchema, known: Sequence[Version], care: Care) -> None:
    after, waiting = grow_up_to(before, known, care)
    assert lacking(before, after) == []
    assert grow_up_to(after, known, care) == (after, waiting)
    assert {*after.versions} | {*waiting} == {one.uid for one in known}
    cares = list(Care)
    done = plan_between(before, after)
    assert cares.index(done.care) <= cares.index(care)
    if care is Care.SAFE:
        assert not must_shape_anew(before, after)
    if care is not Care.CAREFUL:
        assert moved(after) == moved(before)
    left = plan_between(after, grow_up_to(after, known, Care.CAREFUL).schema)
    assert bool(waiting) == any(step.care is not Care.SAFE for step in left.steps)


def test_a_question_that_a_later_version_adds_is_told_by_the_one_that_waits() -> None:
    def version(uid: str, around: str, **questions: str) -> Version:
        asked = [{"type": "text", "name": name, "label": [label]} for name, label in questions.items()]
        survey = [{"type": f"begin_{around}", "name": "hh"}, *asked, {"type": f"end_{around}"}]
        return read_version(uid, {"survey": survey, "translated": ["label"], "translations": [None]})

    known = [
        version("v1", "group", a="A"),
        version("v2", "repeat", a="A", b="B"),
        version("v3", "group", a="A", b=""),
    ]
    first = grow(nothing_yet(UID, "Form"), known[0])
    grown = grow_up_to(first, known, Care.SAFE)
    assert grown.waiting == ("v2",)
    assert {c.path: c.labels for c in grown.schema.root.columns if c.path}["hh/b"] == {"default": "B"}
    assert grow_up_to(grown.schema, known, Care.SAFE) == grown


@given(histories(versions=5))
@FEW
def test_every_history_can_wait(deployed: Sequence[Deployed]) -> None:
    check(deployed)


@pytest.mark.long
@given(histories(versions=9))
@MANY
def test_every_long_history_can_wait(deployed: Sequence[Deployed]) -> None:
    check(deployed)


def test_the_plan_of_a_first_version_is_its_tables() -> None:
    schema = nothing_yet(UID, "Form")
    assert {step.what for step in plan_between(None, schema).steps} == {What.TABLE}
    (step,) = plan_between(None, schema, holds_rows=True).steps
    assert (step.what, step.care) == (What.REST, Care.CAREFUL)


@given(histories(versions=5))
@FEW
def test_a_schema_from_before_questions_were_noted_keeps_its_columns(deployed: Sequence[Deployed]) -> None:
    versions = read(deployed)
    grown = grow_up_to(nothing_yet(UID, "Form"), versions[:-1], Care.CAREFUL).schema
    stored = replace(grown, asked={}, versions=grown.versions[:-1])
    again = grow_up_to(stored, versions[:-1], Care.CAREFUL).schema
    assert [step for step in plan_between(grown, again).steps if step.care is not Care.SAFE] == []
