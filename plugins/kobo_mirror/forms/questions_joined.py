"""Questions joined: which paths are one question, that was renamed or moved to another group."""

from __future__ import annotations

from dataclasses import replace

from kobo_mirror.forms.form_schema import VALUE, FormSchema
from kobo_mirror.forms.question_history import are_asked_together, groups_around, history_of
from kobo_mirror.forms.wanted import WantedForm


def joined_questions(schema: FormSchema) -> dict[str, str]:
    """Return what each question is called over all of its paths.

    Paths are one question if one followed the other with the same ``$kuid``, or ``kobo.yml`` says so; never
    two that a version asks both, or whose answers stand in different tables.

    :param schema: of a form.
    :returns: path → the path of its question that was asked last.
    """
    groups = _Groups(schema)
    for former, path in schema.joined.items():
        groups.join(former, path)
    for former, path in schema.renamed:
        if former not in schema.apart and path not in schema.apart:
            groups.join(former, path)
    return {path: groups.newest(path) for path in groups.paths}


def with_joins(schema: FormSchema, wanted: WantedForm) -> FormSchema:
    """Return the schema with the questions joined and kept apart that are asked for.

    :param schema: of all versions.
    :param wanted: which ones.
    :raises ConfigurationError: a path is none of a question, or two cannot be one question.
    """
    groups = _Groups(schema)
    for former, path in wanted.join.items():
        for one in (former, path):
            if one not in groups.paths:
                raise wanted.not_asked(one, "join", former)
            if one in wanted.apart:
                raise wanted.refusal(f"{one} is to be joined and kept apart: take one out.", "join", former)
        if why := groups.join(former, path):
            raise wanted.refusal(f"{former} and {path} cannot be one question: {why}.", "join", former)
    for path in wanted.apart:
        if path not in groups.paths:
            raise wanted.not_asked(path, "apart", path)
    return replace(schema, joined=dict(wanted.join), apart=tuple(sorted(wanted.apart)))


class _Groups:
    """Paths that are one question each, while they are joined.

    :param schema: of the form; only what can hold an answer is a path.
    """

    def __init__(self, schema: FormSchema) -> None:
        self._repeats = frozenset(schema.repeats)
        self._history = history_of(schema)
        columns = (column for table in schema.tables for column in table.columns)
        self.paths = {c.path: [c.path] for c in columns if c.path and c.facet == VALUE}

    def join(self, one: str, other: str) -> str:
        """Join the questions of two paths, or return why they cannot be one."""
        mine, others = self.paths.get(one), self.paths.get(other)
        if mine is None or others is None or mine is others:
            return ""
        if self._chain(one) != self._chain(other):
            return "they stand in different tables, since not the same repeats are around them"
        for path in mine:
            for of_other in others:
                if self._are_together(path, of_other):
                    return f"a version asks both {path} and {of_other}"
        mine += others
        for path in others:
            self.paths[path] = mine
        return ""

    def newest(self, path: str) -> str:
        """Return the path of a question that was asked last."""
        return max(self.paths[path], key=self._last)

    def _last(self, path: str) -> tuple[int, str]:
        known = self._history.get(path)
        return (known.versions[-1] if known else -1), path

    def _chain(self, path: str) -> list[str]:
        return [group for group in groups_around(path) if group in self._repeats]

    def _are_together(self, one: str, other: str) -> bool:
        mine, others = self._history.get(one), self._history.get(other)
        return mine is not None and others is not None and are_asked_together(mine, others)
