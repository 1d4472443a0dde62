"""Questions joined: which paths are one question, that was renamed or moved to another group."""

from __future__ import annotations

from kobo_mirror.forms.form_schema import VALUE, FormSchema
from kobo_mirror.forms.question_history import are_asked_together, groups_around, history_of


def joined_questions(schema: FormSchema) -> dict[str, str]:
    """Return what each question is called over all of its paths.

    Paths are one question if one followed the other with the same ``$kuid``, or ``kobo.yml`` says so; never
    two that a version asks both, or whose answers stand in different tables.

    :param schema: of a form.
    :returns: path → the path of its question that was asked last.
    """
    groups = QuestionGroups(schema)
    for former, path in schema.joined.items():
        groups.join(former, path)
    for former, path in schema.renamed:
        if former not in schema.apart and path not in schema.apart:
            groups.join(former, path)
    return {path: groups.newest(path) for path in groups.paths}


class QuestionGroups:
    """Paths that are one question each, while they are joined.

    ``paths`` has those that can hold an answer, each with all paths of its question.

    :param schema: of the form.
    """

    def __init__(self, schema: FormSchema) -> None:
        self._repeats = frozenset(schema.repeats)
        self._history = history_of(schema)
        columns = (column for table in schema.tables for column in table.columns)
        self.paths = {c.path: [c.path] for c in columns if c.path and c.facet == VALUE}

    def join(self, one: str, other: str) -> str:
        """Join the questions of two paths, or return why they cannot be one.

        :param one: a path.
        :param other: another path.
        :returns: the end of a sentence; empty: they are one question now, or a path is unknown.
        """
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
        """Return the path of a question that was asked last.

        :param path: any of its paths.
        """
        return max(self.paths[path], key=self._last)

    def _last(self, path: str) -> tuple[int, str]:
        known = self._history.get(path)
        return (known.versions[-1] if known and known.versions else -1), path

    def _chain(self, path: str) -> list[str]:
        return [group for group in groups_around(path) if group in self._repeats]

    def _are_together(self, one: str, other: str) -> bool:
        mine, others = self._history.get(one), self._history.get(other)
        return mine is not None and others is not None and are_asked_together(mine, others)
