"""The names of a form's tables, kept in a file, and a database that is made again by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.config.names_lock import LockedForm, names_lock_text, read_names_lock
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import derive, grow, nothing_yet
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.forms.locked_columns import with_locked_columns
from kobo_mirror.forms.locked_names import LockedNames
from kobo_mirror.forms.names_lock import (
    differences,
    lock_of,
    locked_form,
    locked_names,
    require_free_names,
)
from kobo_mirror.forms.overrides import retype, with_types
from kobo_mirror.forms.question_types import Kind as AnyKind
from kobo_mirror.forms.taken_names import Holder, TakenNames
from kobo_mirror.forms.wanted import WantedForm
from tests.support.forms import judging
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.judging import UID
from tests.support.forms.names import FORM_NAMES
from tests.support.forms.surveys import Row, ask, group, repeat, survey

VISITS = Form("visits", (Column("age", "hh/age", Kind.INTEGER),))


def names_taken(*names: str) -> TakenNames:
    return TakenNames(dict.fromkeys(names, Holder()), UID, "https://kf.kobotoolbox.org", "KOBO_URL")


def read_back(folder: Path, *schemas: FormSchema) -> tuple[LockedForm, ...]:
    """Write the names of forms to a file, and read it."""
    text = names_lock_text(map(lock_of, schemas))
    (folder / "names.lock.yml").write_text(text, "utf-8")
    return read_names_lock(Settings(kobo_forms_file=str(folder / "kobo.yml")))


def versions_of(*surveys: list[Row]) -> list[Version]:
    return [read_version(f"v{number}", {"survey": rows}) for number, rows in enumerate(surveys, 1)]


def shown(schema: FormSchema) -> set[tuple[object, ...]]:
    """All tables and columns, but for the parts and the order that they were born in."""
    return {
        (t.name, t.kind, t.chain, t.parent, c.name, c.path, c.facet, c.kind)
        for t in schema.tables
        for c in t.columns
    }


def rebuilt(versions: Sequence[Version], names: LockedNames, name: str = "Other") -> FormSchema:
    return with_locked_columns(derive(UID, name, versions, names=names), names)


def test_a_file_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    schema = survey([*ask("text", "yes", "null", "n° 1"), *repeat("members", ask("datetime", "at"))])
    assert read_back(tmp_path, schema) == (lock_of(schema),)
    text = (tmp_path / "names.lock.yml").read_text("utf-8")
    assert text.startswith("# The names of the tables and columns of this mirror")
    assert text.split("\n", 2)[2] == (
        "forms:\n"
        f"- uid: {UID}\n"
        "  name: survey\n"
        "  tables:\n"
        "  - name: survey\n"
        "    repeats: []\n"
        "    columns:\n"
        "      members__rows: {path: members, facet: rows}\n"
        "      'null': {path: 'null', kind: text}\n"
        "      n__1: {path: n° 1, kind: text}\n"
        "      'yes': {path: 'yes', kind: text}\n"
        "  - name: survey__members\n"
        "    repeats: [members]\n"
        "    columns:\n"
        "      at: {path: members/at, kind: datetime}\n"
        "      at__offset: {path: members/at, facet: offset}\n"
    )


def test_no_file_locks_nothing(tmp_path: Path) -> None:
    assert read_names_lock(Settings(kobo_forms_file=str(tmp_path / "kobo.yml"))) == ()
    assert locked_names(locked_form((), UID)) == LockedNames()


def test_a_clash_that_was_resolved_in_another_order_has_the_same_names() -> None:
    one, both = group("b", ask("text", "name")), group("a", ask("text", "name"))
    before = survey(one, [*both, *one])
    assert [c.name for c in before.root.columns if c.path] == ["name", "a__name"]
    names = locked_names(lock_of(before))
    versions = versions_of([*both, *one])
    assert shown(rebuilt(versions, names)) == shown(before)
    afresh = derive(UID, "Survey", versions)
    assert differences(afresh, lock_of(before)) == [
        "the column of b/name (text) is survey.b__name, and name in the lock file",
    ]
    assert differences(before, lock_of(before)) == []


def test_a_new_question_gives_way_to_the_names_of_the_file() -> None:
    before = survey(group("b", ask("text", "name")))
    versions = versions_of(ask("text", "name"), group("b", ask("text", "name")))
    found = rebuilt(versions, locked_names(lock_of(before)))
    called = {c.path: c.name for c in found.root.columns if c.path}
    assert called["b/name"] == "name"
    assert differences(found, lock_of(before)) == [
        f"the column survey.{called['name']} of name (text) is only in the database"
    ]


def test_a_column_from_before_a_type_came_is_there_again() -> None:
    wanted = WantedForm(types={"visits": AnyKind.INTEGER})
    versions = versions_of(ask("calculate", "visits"))
    before = retype(derive(UID, "Survey", versions), wanted)
    again = [with_types(version, wanted) for version in versions]
    found = retype(rebuilt(again, locked_names(lock_of(before))), wanted)
    assert shown(found) == shown(before)
    assert {c.name: c.status for c in found.root.columns if c.path} == {
        c.name: c.status for c in before.root.columns if c.path
    }


def test_a_name_that_is_no_other_form_s_is_taken_from_the_file() -> None:
    lock = lock_of(survey(ask("text", "a"), name="Kobo stuff"))
    assert lock.name.startswith("kobo_stuff_")
    require_free_names(lock, WantedForm(), names_taken("kobo_stuff"))
    assert nothing_yet(UID, "Renamed", names=locked_names(lock)).root.name == lock.name


@pytest.mark.parametrize(
    ("wanted", "taken", "said"),
    [
        (
            WantedForm(),
            ["survey"],
            "line 4: the database has a table or view survey already, which is not the mirror's: rename "
            "that, or take the form out here.",
        ),
        (
            WantedForm("survey"),
            ["Survey__x"],
            "line 4: the database has a table or view Survey__x already, which is not the mirror's: rename "
            "that, or take the form out here, and ask for another name in kobo.yml.",
        ),
        (WantedForm("other"), [], "line 4: the form is named survey here, and kobo.yml asks for another"),
    ],
)
def test_a_name_that_cannot_be_had_is_one_sentence(
    tmp_path: Path, wanted: WantedForm, taken: list[str], said: str
) -> None:
    (lock,) = read_back(tmp_path, survey(ask("text", "a")))
    with pytest.raises(ConfigurationError, match=rf"names\.lock\.yml, {said}"):
        require_free_names(lock, wanted, names_taken(*taken))


def test_a_form_that_is_declared_by_now_or_no_longer_does_not_take_the_other_s_name(tmp_path: Path) -> None:
    derived, declared = (survey(ask("text", "a"), form=form) for form in (None, KOBO_RECORDS))
    for schema, is_declared in ((derived, True), (declared, False)):
        (lock,) = read_back(tmp_path, schema)
        with pytest.raises(ConfigurationError, match=r"names\.lock\.yml, line 4: the form is named .* here"):
            require_free_names(lock, WantedForm(), names_taken(), is_declared=is_declared)
        require_free_names(lock, WantedForm(), names_taken("kobo_records"), is_declared=not is_declared)


def test_beside_a_declared_table_only_what_is_derived_is_locked(tmp_path: Path) -> None:
    rows = [*group("hh", ask("integer", "age"), ask("text", "name")), *ask("text", "b")]
    lock = lock_of(survey(rows, form=VISITS))
    assert [(t.name, [c.name for c in t.columns]) for t in lock.tables] == [("visits__rest", ["b", "name"])]
    schema = survey(rows, form=KOBO_RECORDS)
    assert read_back(tmp_path, schema) == (lock_of(schema),)
    names = locked_names(lock_of(schema))
    assert derive(UID, "", versions_of(rows), form=KOBO_RECORDS, names=names) == schema


def pieces(data: st.DataObject, version: Deployed) -> list[Version]:
    """A version in two: what is asked of it first, and all of it."""
    whole = read_version(version.uid, version.content)
    first = data.draw(st.sets(st.sampled_from(whole.questions or [None]).map(id), max_size=4))
    held = [question for question in whole.questions if id(question) not in first]
    lists = data.draw(st.sampled_from([(), whole.repeats]))
    part = Version(f"{version.uid}a", tuple(held), lists, whole.choices, whole.languages)
    return [part, whole] if data.draw(st.booleans()) else [whole]


@given(st.data(), FORM_NAMES)
@settings(max_examples=12, deadline=None)
def test_a_rebuilt_database_has_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    check_rebuilt(tmp_path_factory, data, name, most=3)


@pytest.mark.long
@given(st.data(), FORM_NAMES)
@settings(max_examples=400, deadline=None)
def test_a_rebuilt_database_has_the_same_tables_after_many_versions(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    check_rebuilt(tmp_path_factory, data, name, most=7)


def check_rebuilt(factory: pytest.TempPathFactory, data: st.DataObject, name: str, most: int) -> None:
    deployed = data.draw(histories(versions=most))
    grown = nothing_yet(UID, name)
    for version in deployed:
        for piece in pieces(data, version):
            grown = grow(grown, piece)
    (lock,) = read_back(factory.getbasetemp(), grown)
    assert lock == lock_of(grown)
    names = locked_names(lock)
    versions = [read_version(version.uid, version.content) for version in deployed]
    found = rebuilt(versions, names)
    assert shown(found) == shown(grown)
    assert differences(found, lock) == []
    assert [t.status for t in found.tables if t.kind is TableKind.MAIN] == [grown.root.status]
    for number in range(1, len(deployed) + 1):
        early = derive(UID, name, versions[:number], names=names)
        assert {(t.chain, t.name) for t in early.tables} <= {(t.chain, t.name) for t in grown.tables}
    judging.check_questions(found, deployed)
    judging.check_repeats(found, deployed)
    judging.check_budget(found)
    assert with_locked_columns(found, names) is found
    assert [grow(found, version, names) for version in versions] == [found] * len(versions)
