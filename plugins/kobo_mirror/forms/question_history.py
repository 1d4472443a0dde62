"""Question history: which version asked what at which path, and which path a question had before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, product

from kobo_mirror.forms.definition import Question, Version
from kobo_mirror.forms.form_schema import VALUE, Asked, FormSchema, Status
from kobo_mirror.forms.question_types import join


def groups_around(path: str) -> Iterator[str]:
    """Yield the paths of the groups and repeats that a path stands in, the outermost first.

    :param path: of a question or repeat.
    """
    parts = path.split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts)))


def are_asked_together(one: Asked, other: Asked) -> bool:
    """Return True if any version asks both.

    :param one: of a path.
    :param other: of another one.
    """
    return any(
        first <= others_last and others_first <= last
        for (first, last), (others_first, others_last) in product(_spans(one), _spans(other))
    )


def _spans(asked: Asked) -> list[tuple[int, int]]:
    return list(zip(asked.versions[::2], asked.versions[1::2], strict=True))


def history_of(schema: FormSchema) -> dict[str, Asked]:
    """Return what the versions have asked, by path.

    A schema that was stored before this was noted tells the first and the last version of each column.

    :param schema: of a form.
    """
    if schema.asked:
        return schema.asked
    place = {uid: number for number, uid in enumerate(schema.versions)}
    found: dict[str, Asked] = {}
    for column in (column for table in schema.tables for column in table.columns):
        if column.path and column.facet == VALUE:
            before = found.get(column.path)
            told = [place[uid] for uid in (column.first_version, column.last_version) if uid in place]
            told += before.versions if before else ()
            is_narrowed = column.status is Status.NARROWED and before is not None
            kind = before.kind if before and is_narrowed else column.kind
            spans = (min(told), max(told)) if told else ()
            found[column.path] = Asked(kind=kind, versions=spans)
    return found


def with_version(schema: FormSchema, version: Version) -> FormSchema:
    """Return the schema with a version noted: what it asks, and which former path a question has left.

    :param schema: of the versions before.
    :param version: the next one; its questions may have kinds that ``kobo.yml`` gives them.
    """
    place, known = len(schema.versions), history_of(schema)
    asked = {**known}
    for question in version.questions:
        asked[question.path] = _asked_again(asked.get(question.path), question, place)
    return replace(
        schema,
        versions=(*schema.versions, version.uid),
        asked=asked,
        renamed=tuple(dict.fromkeys(chain(schema.renamed, _renamed(schema, known, version)))),
    )


def with_first_versions(schema: FormSchema, count: int) -> FormSchema:
    """Return the schema with the first of its versions, so that the others can be told again.

    Kinds stay joined over all of them, and columns as they are.

    :param schema: of a form.
    :param count: how many versions it keeps.
    """
    asked = {path: _cut(asked, count) for path, asked in history_of(schema).items()}
    return replace(schema, versions=schema.versions[:count], asked=asked)


def _cut(asked: Asked, count: int) -> Asked:
    spans = [(first, min(last, count - 1)) for first, last in _spans(asked) if first < count]
    return replace(asked, versions=tuple(chain.from_iterable(spans)))


def _asked_again(before: Asked | None, question: Question, place: int) -> Asked:
    kind = question.defined or question.kind
    if before is None:
        return Asked(kind=kind, versions=(place, place))
    *earlier, last = before.versions or (-1,)
    goes_on = bool(before.versions) and last >= place - 1  # versions of which a part waits have one place
    spans = (*earlier, place) if goes_on else (*before.versions, place, place)
    return Asked(kind=join(before.kind, kind), versions=spans)


def _renamed(schema: FormSchema, known: Mapping[str, Asked], version: Version) -> Iterator[tuple[str, str]]:
    """Yield the questions that have the kuid of one that was asked before, and is not now.

    Of several that had it, the ones that were asked last go first: a kuid is copied with its question.
    """
    asked = {question.path for question in version.questions}
    left = {path for path, one in known.items() if one.versions and path not in asked}
    had: dict[str, dict[str, None]] = {}
    for table in schema.tables:
        for column in table.columns:
            if column.kuid and column.facet == VALUE and column.path in left:
                had.setdefault(column.kuid, {})[column.path] = None
    for question in version.questions:
        before = known.get(question.path)
        of_it = had.get(question.kuid or "", ())
        for path in sorted(of_it, key=lambda path: known[path].versions[-1], reverse=True):
            if before is None or not are_asked_together(before, known[path]):
                yield path, question.path
