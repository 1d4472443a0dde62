"""Which columns are one question: paths that followed each other, and what ``kobo.yml`` says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.questions_joined import joined_questions
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.forms.wanted_joins import with_joins
from tests.support.forms import judging
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.surveys import Row, ask, group, repeat, survey


def known(kuid: str, name: str, kind: str = "text") -> list[Row]:
    return [{"type": kind, "name": name, "$kuid": kuid}]


def asking(join: Mapping[str, str] = {}, apart: tuple[str, ...] = ()) -> WantedForm:
    keys = [("join", path) for path in join] + [("apart", path) for path in apart]
    lines: dict[tuple[str, ...], int] = {key: number for number, key in enumerate(keys, 4)}
    return WantedForm(join=join, apart=apart, entry=FormEntry(lines=lines))


def refusal(schema: FormSchema, wanted: WantedForm) -> str:
    with pytest.raises(ConfigurationError) as caught:
        with_joins(schema, wanted)
    return str(caught.value)


def test_columns_of_one_path_are_one_question_whatever_becomes_of_them() -> None:
    schema = survey(group("hh", ask("integer", "age")), repeat("hh", ask("text", "age")))
    assert joined_questions(schema) == {"hh/age": "hh/age"}


def test_a_question_that_is_renamed_or_moved_goes_on_under_its_newest_path() -> None:
    schema = survey(
        [*known("k1", "age"), *known("k2", "name")],
        [*known("k1", "years"), *known("k2", "name")],
        group("hh", known("k1", "years"), known("k2", "name")),
    )
    of_age = dict.fromkeys(("age", "years", "hh/years"), "hh/years")
    assert joined_questions(schema) == of_age | {"name": "hh/name", "hh/name": "hh/name"}


def test_kuids_that_an_upload_renews_part_no_paths() -> None:
    """The newest ``$kuid`` of a path would not be enough: an XLSForm upload renews all of them."""
    schema = survey(known("k1", "age"), known("k1", "years"), known("k9", "years"), known("k9", "alter"))
    assert set(joined_questions(schema).values()) == {"alter"}


def test_a_question_that_is_renamed_back_is_called_as_it_was() -> None:
    schema = survey(known("k1", "age"), known("k1", "years"), known("k1", "age"))
    assert joined_questions(schema) == {"age": "age", "years": "age"}


def test_a_copy_with_the_same_kuid_is_a_question_of_its_own() -> None:
    both = [*known("k1", "age"), *known("k1", "age_2")]
    schema = survey(both, known("k1", "age_2"))
    assert joined_questions(schema) == {"age": "age", "age_2": "age_2"}
    renamed_and_copied = survey(known("k1", "a"), [*known("k1", "b"), *known("k1", "c")])
    assert joined_questions(renamed_and_copied) == {"a": "b", "b": "b", "c": "c"}


def test_no_two_paths_that_one_version_asks_are_joined_by_others_between() -> None:
    """``a`` becomes ``b``, ``b`` becomes ``c`` with another kuid, beside a new ``a``."""
    schema = survey(
        known("k1", "a"), known("k1", "b"), known("k2", "b"), [*known("k2", "c"), *known("k3", "a")]
    )
    assert joined_questions(schema) == {"a": "a", "b": "a", "c": "c"}


def test_answers_of_different_tables_are_no_one_question() -> None:
    schema = survey(known("k1", "age"), repeat("hh", known("k1", "age")))
    assert joined_questions(schema) == {"age": "age", "hh/age": "hh/age"}


def test_a_path_is_joined_and_kept_apart_as_it_is_asked_for() -> None:
    schema = survey([*known("k1", "age"), *ask("text", "old")], [*known("k1", "years"), *ask("text", "new")])
    joined = with_joins(schema, asking({"old": "new"}, ("age",)))
    assert joined_questions(joined) == {"age": "age", "years": "years", "old": "new", "new": "new"}
    assert FormSchema.from_json(joined.to_json()) == joined
    assert joined.fingerprint == schema.fingerprint
    assert with_joins(joined, WantedForm()) == schema


def test_what_is_asked_for_goes_before_what_the_form_builder_says() -> None:
    schema = survey(known("k1", "a"), [*known("k1", "b"), *ask("text", "c")])
    assert joined_questions(with_joins(schema, asking({"a": "c"}))) == {"a": "c", "c": "c", "b": "b"}


def test_a_declared_column_belongs_to_its_question() -> None:
    form = Form("visits", (Column("age", "age", Kind.INTEGER),))
    schema = survey(known("k1", "age", "integer"), known("k1", "years", "integer"), form=form)
    assert joined_questions(schema) == {"age": "years", "years": "years"}


TWO = [*ask("text", "a", "b"), *group("g", ask("text", "c")), *repeat("r", ask("text", "d"))]


@pytest.mark.parametrize(
    ("join", "apart", "said"),
    [
        ({"a": "x"}, (), "no version of the form asks x, or it is a group: write the path of a question"),
        ({"g": "a"}, (), "no version of the form asks g, or it is a group: write the path of a question"),
        ({}, ("r",), "no version of the form asks r, or it is a group: write the path of a question"),
        ({"a": "b"}, (), "a and b cannot be one question: a version asks both a and b."),
        ({"a": "e"}, ("e",), "e is to be joined and kept apart: take one out."),
        ({"e": "r/d"}, (), "e and r/d cannot be one question: they stand in different tables, since not the"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_with_its_line(
    join: dict[str, str], apart: tuple[str, ...], said: str
) -> None:
    assert refusal(survey(TWO, ask("text", "e")), asking(join, apart)).startswith(f"kobo.yml, line 4: {said}")


def test_two_wishes_that_a_version_forbids_together_are_told_by_the_second() -> None:
    schema = survey(ask("text", "a", "b"), ask("text", "e"))
    said = refusal(schema, asking({"a": "e", "b": "e"}))
    assert said == "kobo.yml, line 5: b and e cannot be one question: a version asks both b and a."


def test_a_schema_that_was_stored_before_this_was_noted_tells_what_its_columns_do() -> None:
    schema = survey(known("k1", "age"), known("k2", "age"), [*known("k2", "years"), *ask("text", "age")])
    older = replace(schema, asked={}, renamed=())
    assert joined_questions(older) == {"age": "age", "years": "years"}
    assert refusal(older, asking({"age": "years"})).endswith("a version asks both age and years.")


@given(histories(versions=4))
@settings(max_examples=40, deadline=None)
def test_no_version_asks_a_question_twice(versions: tuple[Deployed, ...]) -> None:
    schema = judging.grown(versions)[-1]
    called = joined_questions(schema)
    assert {*called} == {path for version in versions for path in version.asked}
    for version in versions:
        names = [called[path] for path in version.asked]
        assert len(names) == len({*names})
    for path, newest in called.items():
        assert called[newest] == newest
        chains = {judging.chain_of(p, set(schema.repeats)) for p in (path, newest)}
        assert len(chains) == 1
        assert _last(versions, newest) >= _last(versions, path)


def _last(versions: tuple[Deployed, ...], path: str) -> int:
    return max(number for number, version in enumerate(versions) if path in version.asked)
