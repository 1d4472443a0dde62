"""Definitions: the views of a form by its schema, with their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kobo_mirror.config.view_kinds import GEO, WIDE
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import derived_name, fold, slug
from kobo_mirror.forms.question_types import POINT_FACETS, is_point
from kobo_mirror.views.columns import KEY, KOBO_ID, Answers, Shown, Source, ViewColumn, shown_tables
from kobo_mirror.views.languages import Language, labels_of_lists, languages_of
from kobo_mirror.views.values import (
    Constant,
    Has,
    Label,
    Line,
    Pairs,
    Point,
    PointText,
    Value,
    Word,
    WordPlace,
)

_LONGEST = 63  # bytes of a name
_FULL, _CHOICES = "full", "choices"
_WKT = "wkt"
_LINES = {"geotrace": False, "geoshape": True}
_MOST_CHOICES = 1_000  # columns of a view of choices


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


def views_of(schema: FormSchema, further: Collection[str] = ()) -> list[View]:
    """Return the views of a form.

    :param schema: of the form.
    :param further: kinds of views that are asked for, of ``FURTHER_VIEWS``.
    :returns: each with a name that none of the form's tables and no other view has.
    """
    return list(_Views(schema).views(further))


class _Views:
    """Makes views, and keeps their names."""

    def __init__(self, schema: FormSchema) -> None:
        self._schema = schema
        tables = schema.tables
        self._taken = {fold(t.part_name(part)) for t in tables for part in range(1, t.parts + 1)}
        self._shown = shown_tables(schema)
        self._names = labels_of_lists(schema, (), "")

    def views(self, further: Collection[str]) -> Iterator[View]:
        for shown in self._shown:
            yield self._view(shown, _FULL, shown.labelled())
        languages = languages_of(self._schema)
        if choices := self._choices(languages):
            first = self._shown[0].table.name
            yield View(self._name(self._schema.form_name, _CHOICES), first, "", "", choices)
        if WIDE in further:
            for shown in self._shown:
                yield from self._wide(shown)
        if GEO in further:
            for shown in self._shown:
                if columns := tuple(_geometries_of(shown)):
                    yield self._view(shown, GEO, (*shown.keys, *columns))
        for language in languages:
            labels = labels_of_lists(self._schema, languages, language.code)
            for shown in self._shown:
                yield self._view(shown, language.code, shown.labelled(labels), told=language.names[0])

    def _view(self, shown: Shown, ending: str, columns: tuple[ViewColumn, ...], told: str = "") -> View:
        table = shown.table
        name = self._name(table.name, ending)
        return View(name, table.name, table.path, told, (Select(shown.sources, columns),))

    def _wide(self, shown: Shown) -> Iterator[View]:
        """Yield the view of the choices of a table, and further ones for more columns than one may have."""
        taken = {fold(column.name) for column in shown.keys}
        columns = []
        for answers in shown.answers:
            for choice in self._choices_of(answers):
                ending = slug(choice) or "_"
                name = derived_name(answers.name, ending, lambda one: fold(one) in taken, _LONGEST)
                taken.add(fold(name))
                columns.append(ViewColumn(name, Has(answers.text, choice)))
        for start in range(0, len(columns), _MOST_CHOICES):
            number = start // _MOST_CHOICES + 1
            ending = WIDE if number == 1 else f"{WIDE}_{number}"
            yield self._view(shown, ending, (*shown.keys, *columns[start : start + _MOST_CHOICES]))

    def _choices_of(self, answers: Answers) -> list[str]:
        """Return the names of the choices of a question that may have several."""
        names = [name for name, _ in answers.choices(self._names)] if answers.takes_many else []
        return [name for name in names if " " not in name]

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


def _geometries_of(shown: Shown) -> Iterator[ViewColumn]:
    """Yield two columns for each question about points, traces and shapes: as GeoJSON and as WKT."""
    taken = {fold(column.name) for column in (*shown.keys, *shown.answers)}
    for answers in shown.answers:
        for value, ending in _geometry_of(answers):
            name = (
                derived_name(answers.name, ending, lambda one: fold(one) in taken) if ending else answers.name
            )
            taken.add(fold(name))
            yield ViewColumn(name, value)


def _geometry_of(answers: Answers) -> Iterator[tuple[Value, str]]:
    """Yield what the answers to a question are as geometries, each with the ending of its name."""
    kind, facets = answers.newest.question_type or "", answers.facets
    if is_point(kind) and {*POINT_FACETS} <= {*facets}:
        yield Point(facets["lon"], facets["lat"], facets["alt"]), ""
        yield PointText(facets["lon"], facets["lat"]), _WKT
    elif kind in _LINES:
        yield Line(answers.text, is_outline=_LINES[kind]), ""
        yield Line(answers.text, is_outline=_LINES[kind], as_text=True), _WKT
