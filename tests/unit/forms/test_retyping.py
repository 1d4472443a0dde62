"""Types that ``kobo.yml`` gives a question that has a column already, and takes from it again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.compare import born_paths, lacking, must_shape_anew
from kobo_mirror.forms.declared_form import Column, Form
from kobo_mirror.forms.declared_form import Kind as DeclaredKind
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive, grow
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.forms.overrides import retype, with_types
from kobo_mirror.forms.question_types import Kind, is_file, is_point
from kobo_mirror.forms.wanted import KINDS, WantedForm
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms import judging
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.surveys import Row, ask, group, repeat, survey

NOTHING = WantedForm()


def asking(**types: Kind) -> WantedForm:
    paths = {path.replace("__", "/"): kind for path, kind in types.items()}
    lines = {("types", path): number for number, path in enumerate(paths, 4)}
    return WantedForm(types=paths, entry=FormEntry(lines=lines))


def columns(schema: FormSchema) -> list[tuple[str, str, str]]:
    return [
        (c.name, c.kind.value, c.status.value) for table in schema.tables for c in table.columns if c.path
    ]


def row_of(schema: FormSchema, answer: str) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """The cells of an answer to ``visits``, and what is rejected."""
    found = Shaper(schema).shape({"_id": 1, "_uuid": "u", "visits": answer})
    cells = {name: cell for name, cell in found.rows[0].cells.items() if name.startswith("visits")}
    return cells, [(cell.column, cell.value) for cell in found.rejected]


def grown(schema: FormSchema, uid: str, rows: list[Row], wanted: WantedForm = NOTHING) -> FormSchema:
    return grow(schema, with_types(read_version(uid, {"survey": rows}), wanted))


def test_a_column_beside_takes_what_fits_and_the_former_one_goes_on() -> None:
    before = survey(ask("calculate", "visits"))
    after = retype(before, asking(visits=Kind.INTEGER))
    assert columns(after) == [("visits", "text", "narrowed"), ("visits__integer", "integer", "active")]
    assert row_of(after, "41") == ({"visits": "41", "visits__integer": 41}, [])
    assert row_of(after, "many") == ({"visits": "many"}, [("visits__integer", "many")])
    assert must_shape_anew(before, after)
    assert (lacking(before, after), born_paths(before, after)) == ([], set())


def test_a_type_that_is_taken_out_gives_the_former_column_back() -> None:
    before = survey(ask("calculate", "visits"))
    there = retype(before, asking(visits=Kind.INTEGER))
    back = retype(there, NOTHING)
    assert columns(back) == [("visits", "text", "active"), ("visits__integer", "integer", "narrowed")]
    assert row_of(back, "many") == ({"visits": "many"}, [])
    assert row_of(back, "7") == ({"visits": "7", "visits__integer": 7}, [])
    assert must_shape_anew(there, back)
    assert retype(back, asking(visits=Kind.INTEGER)) == there


def test_the_same_again_changes_nothing() -> None:
    before = survey(ask("calculate", "visits"), ask("datetime", "at"))
    assert retype(before, NOTHING) is before
    wanted = asking(visits=Kind.INTEGER, at=Kind.DATE)
    after = retype(before, wanted)
    assert retype(after, wanted) is after
    assert FormSchema.from_json(after.to_json()) == after


def test_a_further_version_leaves_it_as_it_is() -> None:
    rows, wanted = ask("calculate", "visits"), asking(visits=Kind.INTEGER)
    there = retype(survey(rows), wanted)
    assert columns(grown(there, "v2", [*rows, *ask("text", "name")], wanted))[:2] == columns(there)
    assert columns(grown(there, "v2", ask("date", "visits"), wanted)) == columns(there)
    gone = grown(there, "v2", ask("text", "name"), wanted)
    assert columns(gone)[1] == ("visits__integer", "integer", "removed")
    assert columns(retype(gone, NOTHING))[0] == ("visits", "text", "removed")


def test_without_the_type_the_definitions_of_all_versions_say_what_it_is() -> None:
    wanted = asking(visits=Kind.TEXT)
    there = survey()
    for number, kind in enumerate(("integer", "decimal"), 1):
        there = grown(there, f"v{number}", ask(kind, "visits"), wanted)
    assert columns(there) == [("visits", "text", "active")]
    back = retype(there, NOTHING)
    assert columns(back) == [("visits", "text", "narrowed"), ("visits__decimal", "decimal", "active")]


def test_a_further_version_without_the_type_needs_no_third_column() -> None:
    there = retype(survey(ask("calculate", "visits")), asking(visits=Kind.INTEGER))
    assert columns(grown(there, "v2", ask("calculate", "visits"))) == [
        ("visits", "text", "active"), ("visits__integer", "integer", "narrowed"),
    ]  # fmt: skip


def test_facets_follow_the_column_that_holds_every_answer() -> None:
    before = survey(ask("datetime", "at"))
    day = retype(before, asking(at=Kind.DATE))
    assert columns(day) == [
        ("at", "datetime", "narrowed"), ("at__offset", "integer", "narrowed"), ("at__date", "date", "active"),
    ]  # fmt: skip
    assert [status for *_, status in columns(retype(day, NOTHING))] == ["active", "active", "narrowed"]
    hour = retype(day, asking(at=Kind.TIME))
    assert [name for name, *_ in columns(hour)] == ["at", "at__offset", "at__date", "at__time"]
    assert ("at__offset", "integer", "active") in columns(hour)


def test_a_question_that_moves_into_a_repeat_takes_its_type_along() -> None:
    rows, wanted = ask("calculate", "age"), asking(hh__age=Kind.INTEGER)
    there = retype(survey(group("hh", rows)), wanted)
    moved = grown(there, "v2", repeat("hh", rows), wanted)
    in_repeat = next(table for table in moved.tables if table.kind is TableKind.REPEAT)
    assert [(c.name, c.kind.value) for c in in_repeat.columns if c.path] == [("age", "integer")]
    assert [status for name, _, status in columns(moved) if name.startswith("age")][:2] == ["moved", "moved"]
    back = retype(moved, NOTHING)
    assert [(n, s) for n, _, s in columns(back) if n.startswith("age")][2:] == [
        ("age", "narrowed"), ("age__text", "active"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["geopoint", "image"])
def test_a_point_and_a_file_can_only_be_text(kind: str) -> None:
    there = survey(ask("text", "q"), ask(kind, "q"), ask("text", "other"))
    assert retype(there, asking(q=Kind.TEXT)) is there
    with pytest.raises(ConfigurationError, match=r"kobo\.yml, line 4: q .* can only be text"):
        retype(there, asking(q=Kind.INTEGER))


def test_a_declared_column_never_has_another_type() -> None:
    form = Form("visits", (Column("age", "hh/age", DeclaredKind.INTEGER),))
    there = survey(group("hh", ask("integer", "age")), form=form)
    assert retype(there, asking(hh__age=Kind.INTEGER)) is there
    with pytest.raises(ConfigurationError) as caught:
        retype(there, asking(hh__age=Kind.TEXT))
    assert str(caught.value) == (
        "kobo.yml, line 4: hh/age has the column visits.age, whose type integer is written down in code and "
        "never changes: take this line out."
    )


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_types_come_and_go_each_answer_has_one_home(data: st.DataObject) -> None:
    versions: Sequence[Deployed] = data.draw(histories(versions=3))
    types = {path for version in versions for path, asked in version.asked.items() if _may_be(asked.type)}
    types -= {p for v in versions for p, asked in v.asked.items() if not _may_be(asked.type)}
    some = st.sampled_from(sorted(types)) if types else st.nothing()
    kinds = st.dictionaries(some, st.sampled_from(KINDS), max_size=3 if types else 0)
    schema, wanted = derive(judging.UID, "Survey", []), NOTHING
    for version in versions:
        wanted = WantedForm(types=data.draw(kinds))
        before = schema
        read = with_types(read_version(version.uid, version.content), wanted)
        schema = retype(grow(schema, read), wanted)
        assert lacking(before, schema) == []
        assert retype(schema, wanted) is schema
        _check_homes(schema, wanted)
    judging.check_names(schema)
    judging.check_budget(schema)
    back = retype(schema, NOTHING)
    for path in {path for version in versions for path in version.asked}:
        (home,) = (c for c in _homes(back, path))
        assert home == judging.wanted_kind(path, versions), path


def _may_be(question_type: str) -> bool:
    return not is_point(question_type) and not is_file(question_type)


def _check_homes(schema: FormSchema, wanted: WantedForm) -> None:
    for path in schema.reading_order:
        (home,) = _homes(schema, path)
        assert home is wanted.types.get(path, home), path


def _homes(schema: FormSchema, path: str) -> list[Kind]:
    return [c.kind for table in schema.tables for c in judging.columns_of(table, path)]
