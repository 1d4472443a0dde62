"""Definitions: the views of a form by its schema, with their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import derived_name, fold
from kobo_mirror.views.columns import Shown, Source, ViewColumn, shown_tables
from kobo_mirror.views.languages import labels_of_lists, languages_of

_LONGEST = 63  # bytes of a name
_FULL = "full"


@dataclass(frozen=True)
class View:
    """A view with a row for each row of a table.

    :param table: the table whose rows it shows.
    :param told: what it is about beyond its table, such as a language; empty: nothing.
    :param path: of the repeat whose rows they are; empty for the others.
    """

    name: str
    table: str
    path: str
    told: str
    sources: tuple[Source, ...]
    columns: tuple[ViewColumn, ...]


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
        for language in languages:
            labels = labels_of_lists(self._schema, languages, language.code)
            for shown in self._shown:
                yield self._view(shown, language.code, shown.labelled(labels), told=language.names[0])

    def _view(self, shown: Shown, ending: str, columns: tuple[ViewColumn, ...], told: str = "") -> View:
        table = shown.table
        name = self._name(table.name, ending)
        return View(name, table.name, table.path, told, shown.sources, columns)

    def _name(self, table: str, ending: str) -> str:
        name = derived_name(table, ending, lambda one: fold(one) in self._taken, _LONGEST)
        self._taken.add(fold(name))
        return name
