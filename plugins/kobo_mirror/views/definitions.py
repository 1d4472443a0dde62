"""Definitions: the views of a form by its schema, with their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import derived_name, fold
from kobo_mirror.views.columns import KEY, KOBO_ID, Answers, Shown, Source, ViewColumn, shown_tables
from kobo_mirror.views.languages import Language, labels_of_lists, languages_of
from kobo_mirror.views.values import Constant, Label, Pairs, Value, Word, WordPlace

_LONGEST = 63  # bytes of a name
_FULL, _CHOICES = "full", "choices"


@dataclass(frozen=True)
class Select:
    """Rows of a view.

    :param sources: the tables that it reads, that of its rows first.
    :param words: has a row for each word of this answer; None: for each row of the first table.
    :param answered: has rows only where this has text; None: wherever.
    """

    sources: tuple[Source, ...]
    columns: tuple[ViewColumn, ...]
    words: Value | None = None
    answered: Value | None = None


@dataclass(frozen=True)
class View:
    """A view.

    :param table: the table whose rows it shows.
    :param path: of the repeat whose rows they are; empty for the others.
    :param told: what it is about beyond its table, such as a language; empty: nothing.
    :param selects: whose rows it has, one after the other, all with the same names of columns.
    """

    name: str
    table: str
    path: str
    told: str
    selects: tuple[Select, ...]


def views_of(schema: FormSchema) -> list[View]:
    """Return the views of a form.

    :param schema: of the form.
    :returns: each with a name that none of the form's tables and no other view has.
    """
    return list(_Views(schema).views())


class _Views:
    """Makes views, and keeps their names."""

    def __init__(self, schema: FormSchema) -> None:
        self._schema = schema
        tables = schema.tables
        self._taken = {fold(t.part_name(part)) for t in tables for part in range(1, t.parts + 1)}
        self._shown = shown_tables(schema)

    def views(self) -> Iterator[View]:
        for shown in self._shown:
            yield self._view(shown, _FULL, shown.labelled())
        languages = languages_of(self._schema)
        if choices := self._choices(languages):
            first = self._shown[0].table.name
            yield View(self._name(self._schema.form_name, _CHOICES), first, "", "", choices)
        for language in languages:
            labels = labels_of_lists(self._schema, languages, language.code)
            for shown in self._shown:
                yield self._view(shown, language.code, shown.labelled(labels), told=language.names[0])

    def _view(self, shown: Shown, ending: str, columns: tuple[ViewColumn, ...], told: str = "") -> View:
        table = shown.table
        name = self._name(table.name, ending)
        return View(name, table.name, table.path, told, (Select(shown.sources, columns),))

    def _choices(self, languages: Sequence[Language]) -> tuple[Select, ...]:
        """Return a select for each question that has choices, with their labels in the first language."""
        labels = labels_of_lists(self._schema, languages, languages[0].code if languages else "")
        return tuple(
            _choices_of(shown, answers, labels)
            for shown in self._shown
            for answers in shown.answers
            if answers.takes_one or answers.takes_many
        )

    def _name(self, table: str, ending: str) -> str:
        name = derived_name(table, ending, lambda one: fold(one) in self._taken, _LONGEST)
        self._taken.add(fold(name))
        return name


def _choices_of(shown: Shown, answers: Answers, labels: Mapping[str, Pairs]) -> Select:
    """Return a row for each choice of each answer to a question."""
    key, kobo_id = (next(c for c in shown.keys if c.name == name) for name in (KEY, KOBO_ID))
    choice: Value = Word() if answers.takes_many else answers.text
    columns = (
        ViewColumn("table_name", Constant(shown.table.name)),
        kobo_id,
        key,
        ViewColumn("question", Constant(answers.question)),
        ViewColumn("position", WordPlace() if answers.takes_many else Constant(1)),
        ViewColumn("choice", choice),
        ViewColumn("label", Label(choice, answers.choices(labels))),
    )
    words = answers.text if answers.takes_many else None
    return Select(shown.sources, columns, words, choice)
