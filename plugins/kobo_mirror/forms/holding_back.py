"""Holding back: what of a version can be added to a form's tables while the rest of it waits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from kobo_mirror.forms.definition import Question, Version
from kobo_mirror.forms.derive import grow
from kobo_mirror.forms.form_schema import ROWS, VALUE, Asked, Column, FormSchema, Status
from kobo_mirror.forms.locked_names import NO_NAMES, LockedNames
from kobo_mirror.forms.plan import Care
from kobo_mirror.forms.question_history import history_of, with_first_versions
from kobo_mirror.forms.question_types import POINT_FACETS, is_file, is_point, join


class Grown(NamedTuple):
    """A schema, and the versions of which it holds a part at most.

    :param schema: its ``versions`` are those that it holds whole.
    :param waiting: uids, in the order of their numbers.
    """

    schema: FormSchema
    waiting: tuple[str, ...]


def grow_up_to(
    schema: FormSchema, versions: Iterable[Version], care: Care, names: LockedNames = NO_NAMES
) -> Grown:
    """Grow a schema by all versions, without the steps that need more care.

    Versions are told in their order, again those that come after one that was not whole: so the schema says
    the same in the end as if none had waited. They are told until nothing changes: a question that a later
    version adds may have its labels from one that waits. Only where questions stand that are no longer asked
    depends on what was told before; if nothing else changes, the schema stays as it is.

    :param schema: of some of the versions.
    :param versions: all that are known, in the order of their numbers.
    :param care: the steps that need more are held back.
    :param names: of tables and columns that are locked.
    :returns: the schema, and the versions that it does not hold whole.
    """
    every = tuple(versions)
    grown = _told(schema, every, care, names)
    for _ in grown.waiting:
        before, grown = grown, _told(grown.schema, every, care, names)
        if grown == before:
            break
    return grown


def _told(schema: FormSchema, every: Sequence[Version], care: Care, names: LockedNames) -> Grown:
    """Tell each version from the first one on that the schema does not hold whole."""
    first = next((place for place, one in enumerate(every) if one.uid not in schema.versions), len(every))
    later = {one.uid for one in every[first:]}
    grown = with_first_versions(schema, sum(uid not in later for uid in schema.versions))
    waiting: list[str] = []
    for version in every[first:]:
        part = _without(grown, version, care)
        if part is version:
            grown = grow(grown, version, names)
        else:
            waiting.append(version.uid)
            grown = replace(grow(grown, part, names), versions=grown.versions)
    grown = replace(grown, partly=tuple(waiting))
    return Grown(schema if _unordered(schema) == _unordered(grown) else grown, tuple(waiting))


def _unordered(schema: FormSchema) -> FormSchema:
    tables = tuple(
        replace(table, columns=tuple(replace(column, position=0) for column in table.columns))
        for table in schema.tables
    )
    return replace(schema, tables=tables, reading_order=tuple(sorted(schema.reading_order)))


def _without(schema: FormSchema, version: Version, care: Care) -> Version:
    """Return the version without the steps that need more care; the same one, if there are none."""
    if care is Care.CAREFUL:
        return version
    known = {*schema.reading_order, *schema.declared}
    held = _held_repeats(schema, version, known, lists=care is Care.SAFE)
    questions = [
        question
        for question in version.questions
        if question.path in known or not _is_below(question.path, held)
    ]
    if care is Care.SAFE:
        columns, history = _columns_of(schema), history_of(schema)
        questions = [
            _as_it_was(question, columns.get(question.path, ()), history.get(question.path))
            for question in questions
        ]
    repeats = [repeat for repeat in version.repeats if repeat.path not in held]
    if tuple(questions) == version.questions and len(repeats) == len(version.repeats):
        return version
    return replace(version, questions=tuple(questions), repeats=tuple(repeats))


def _held_repeats(
    schema: FormSchema, version: Version, known: Collection[str], *, lists: bool
) -> Collection[str]:
    """Return the repeats of a version that would move answers, and all new ones that stand in them.

    :param lists: also those whose own path is a question.
    """
    new = [repeat.path for repeat in version.repeats if repeat.path not in schema.repeats]
    there = {*known, *schema.repeats}
    held = {path for path in new if any(one.startswith(f"{path}/") for one in there)}
    held |= {path for path in new if lists and path in known}
    return held | {path for path in new if _is_below(path, held)}


def _is_below(path: str, repeats: Collection[str]) -> bool:
    return any(path.startswith(f"{repeat}/") for repeat in repeats)


def _columns_of(schema: FormSchema) -> dict[str, list[Column]]:
    """Return the columns of each question that are not emptied, in the order of their birth."""
    found: dict[str, list[Column]] = {}
    for table in schema.tables:
        for column in table.columns:
            if column.path and column.facet != ROWS and column.status is not Status.MOVED:
                found.setdefault(column.path, []).append(column)
    return found


def _as_it_was(question: Question, columns: Sequence[Column], before: Asked | None) -> Question:
    """Return the question with the kind and type of its columns, if it would need others than these."""
    values = [column for column in columns if column.facet == VALUE]
    if not values:
        return question
    newest = next((column for column in values if column.status is not Status.NARROWED), values[-1])
    history = before.kind if before else newest.kind
    kind = question.kind if question.defined else join(history, question.kind)
    is_new_point = is_point(question.question_type) and not any(c.facet in POINT_FACETS for c in columns)
    is_new_file = is_file(question.question_type) and not newest.names_file
    if kind is newest.kind and not (is_new_point or is_new_file):
        return question
    return replace(
        question,
        kind=newest.kind,
        defined=None if history is newest.kind else history,
        question_type=newest.question_type or question.question_type,
    )
