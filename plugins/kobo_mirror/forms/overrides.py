"""Overrides: the types that ``kobo.yml`` gives questions, in the place of those of the form's definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kobo_mirror.forms.definition import Question, Version
from kobo_mirror.forms.form_schema import VALUE, FormSchema, Status
from kobo_mirror.forms.question_types import Kind, is_file, is_point
from kobo_mirror.forms.wanted import WantedForm


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
    if kind is None or kind is question.kind:
        return question
    if is_point(question.question_type):
        why = "its latitude, longitude, altitude and accuracy have columns of their own beside the text"
    elif is_file(question.question_type):
        why = "its answers are the names of files"
    else:
        return replace(question, kind=kind)
    problem = f"{question.path} is of the type {question.question_type} and can only be text: {why}."
    raise wanted.refusal(problem, "types", question.path)


def unused_types(schema: FormSchema, types: Mapping[str, Kind]) -> list[str]:
    """Return the paths, of those that have a type in the file, at which no version has a question.

    :param schema: of all versions.
    :param types: path → kind.
    """
    asked = {*schema.reading_order}
    return [path for path in types if path not in asked]


def differing_types(schema: FormSchema, types: Mapping[str, Kind]) -> list[tuple[str, Kind, Kind]]:
    """Return the questions whose column is there already and is of another kind than is asked for.

    A column keeps its kind for ever: leave these out before :func:`with_types`, or a further version brings
    another column beside it. Those of a declared table are among them.

    :param schema: as it is stored, before further versions.
    :param types: path → kind.
    :returns: path, the kind that is asked for, the kind of the column that holds every answer.
    """
    there = {
        column.path: column.kind  # of several columns the last one was born last
        for table in schema.tables
        for column in table.columns
        if column.facet == VALUE and column.status is not Status.MOVED
    }
    return [(path, kind, there[path]) for path, kind in types.items() if there.get(path, kind) is not kind]
