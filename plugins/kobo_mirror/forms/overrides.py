"""Overrides: the types that ``kobo.yml`` gives questions, in the place of those of the form's definition."""

from __future__ import annotations

from dataclasses import replace

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.definition import Question, Version
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.forms.locked_names import NO_NAMES, LockedNames
from kobo_mirror.forms.question_columns import QuestionColumns
from kobo_mirror.forms.question_history import history_of
from kobo_mirror.forms.question_types import Kind, is_file, is_point
from kobo_mirror.forms.reading import with_positions
from kobo_mirror.forms.table_growth import TableGrowth
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.forms.wanted_joins import with_joins

_A_POINT = "its latitude, longitude, altitude and accuracy have columns of their own beside the text"
_A_FILE = "its answers are the names of files"


def with_types(version: Version, wanted: WantedForm) -> Version:
    """Return the version with the types that are asked for; choices, labels and all else stay.

    A type holds in every version: so the kind of its question never grows by a later one.

    :param version: as it was deployed.
    :param wanted: its types; those of questions that the version does not ask have no effect.
    :raises ConfigurationError: a question of points or of files is to be something else than text.
    """
    if not any(question.path in wanted.types for question in version.questions):
        return version
    return replace(version, questions=tuple(_overridden(one, wanted) for one in version.questions))


def _overridden(question: Question, wanted: WantedForm) -> Question:
    kind = wanted.types.get(question.path)
    if kind is None or kind is question.kind is Kind.TEXT:
        return question
    if is_point(question.question_type):
        raise _only_text(question.path, question.question_type, _A_POINT, wanted)
    if is_file(question.question_type):
        raise _only_text(question.path, question.question_type, _A_FILE, wanted)
    return replace(question, kind=kind, defined=question.kind)


def _only_text(path: str, question_type: str | None, why: str, wanted: WantedForm) -> ConfigurationError:
    what = f"is of the type {question_type}" if question_type else "was a point or a file"
    return wanted.refusal(f"{path} {what} and can only be text: {why}.", "types", path)


def retype(schema: FormSchema, wanted: WantedForm, names: LockedNames = NO_NAMES) -> FormSchema:
    """Return the schema with the types that are asked for by now, with no further version.

    A question whose answers are to be of another kind gets a column of it beside the one that it has, or
    back the one that it had: it holds every answer, the other one goes on with what fits it. Without a type
    the definitions of all versions say what it is. All of this again changes nothing.

    :param schema: of all versions.
    :param wanted: its types; those of paths that no version asks have no effect.
    :param names: of columns that are locked.
    :returns: the very same schema where nothing is to change.
    :raises ConfigurationError: a point, a file, or a column of a declared table is to be something else.
    """
    tables = [TableGrowth(table) for table in schema.tables]
    known = names if names.form == schema.form_name else NO_NAMES
    columns = QuestionColumns(tables, schema.versions[-1] if schema.versions else "", {}, known)
    history = history_of(schema)
    _check_declared(schema, wanted)
    changed = False
    for path in schema.reading_order:
        home, kind = columns.newest(path), wanted.types.get(path)
        if kind is None and path in history:
            kind = history[path].kind
        if home is None or kind is None or kind is home.kind:
            continue
        if kind is not Kind.TEXT and (home.names_file or columns.is_point(path)):
            why = _A_FILE if home.names_file else _A_POINT
            raise _only_text(path, home.question_type, why, wanted)
        table = next(t for t in columns.holders(path) if t.value_of(path, home.kind))
        columns.hold_every_answer(table, path, kind)
        changed = True
    if not changed:
        return schema
    return with_positions(replace(schema, tables=tuple(table.grown() for table in tables)))


def _check_declared(schema: FormSchema, wanted: WantedForm) -> None:
    """Refuse another type for a column that is written down in code."""
    for table in schema.tables:
        if table.kind is TableKind.DECLARED:
            for column in table.columns:
                kind = wanted.types.get(column.path) if column.path else None
                if kind is not None and kind is not column.kind:
                    raise wanted.refusal(
                        f"{column.path} has the column {table.name}.{column.name}, whose type "
                        f"{column.kind} is written down in code and never changes: take this line out.",
                        "types",
                        column.path,
                    )


def check_paths(schema: FormSchema, wanted: WantedForm) -> None:
    """Check that each type is for a question.

    :param schema: of all versions.
    :param wanted: its types.
    :raises ConfigurationError: no version has a question at a path.
    """
    asked = {*schema.reading_order}
    for path in wanted.types:
        if path not in asked:
            raise wanted.not_asked(path, "types", path)


def as_wanted(schema: FormSchema, wanted: WantedForm, names: LockedNames = NO_NAMES) -> FormSchema:
    """Return the schema of all versions with all that ``kobo.yml`` asks for by now.

    :param schema: grown by versions :func:`with_types`.
    :param wanted: what is asked for.
    :param names: of columns that are locked.
    :returns: the same schema where nothing is to change.
    :raises ConfigurationError: something of it cannot be.
    """
    check_paths(schema, wanted)
    return with_joins(retype(schema, wanted, names), wanted)
