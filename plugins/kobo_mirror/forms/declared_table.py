"""Declared table: the columns of a form that is written down in code, as the schema has them."""

from __future__ import annotations

from collections.abc import Collection

from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.form_schema import VALUE, Column
from kobo_mirror.forms.question_types import Kind

_SUBMISSION_TIME, _FACET_OF_IT = "_submission_time", "submission_time"
_AROUND = (("id", Kind.KEY), ("inserted_at", Kind.DATETIME), ("updated_at", Kind.DATETIME))


def declared_columns(form: Form) -> tuple[Column, ...]:
    """Return the columns of a declared table, ``kobo_id`` apart.

    :param form: the declaration.
    """
    of_questions = tuple(
        Column(name=c.name, path="", facet=_FACET_OF_IT, kind=Kind(c.kind.value))
        if c.question == _SUBMISSION_TIME
        else Column(name=c.name, path=c.question, facet=VALUE, kind=Kind(c.kind.value))
        for c in form.columns
    )
    first, *last = (Column(name=name, path="", facet=name, kind=kind) for name, kind in _AROUND)
    return (first, *of_questions, *last)


def server_values(form: Form) -> tuple[str, ...]:
    """Return the system columns whose values the declared table has, under whatever name.

    :param form: the declaration.
    """
    return (_FACET_OF_IT,) if any(c.question == _SUBMISSION_TIME for c in form.columns) else ()


def serves(form: Form, paths: Collection[str]) -> bool:
    """Return True if a definition asks every question that the declared table requires.

    :param form: the declaration.
    :param paths: of the questions of all versions.
    """
    required = (c.question for c in form.columns if c.required and c.default is None)
    return all(question in paths for question in required if question != _SUBMISSION_TIME)
