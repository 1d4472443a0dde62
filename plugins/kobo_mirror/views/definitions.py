"""Definitions: the views of a form by its schema, with their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kobo_mirror.config.view_kinds import GEO, WIDE
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import derived_name, fold, slug
from kobo_mirror.views.answers import Answers, ViewColumn
from kobo_mirror.views.columns import KEY, KOBO_ID, Shown, Source, shown_tables
from kobo_mirror.views.languages import Language, labels_of_lists, languages_of
from kobo_mirror.views.values import (
    Constant,
    First,
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
_CHOICE, _LABEL, _GEOJSON, _WKT = "choice", "label", "geojson", "wkt"
_LINES = {"geotrace": False, "geoshape": True}
_MOST_CHOICES = 1_000  # columns of a view of choices
_MOST_LABELS = 50_000  # in the view of choices: some 4 MB, where MariaDB takes statements of 16 MB


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
    :param languages: by the names of which its columns have labels, the preferred ones first.
    """

    name: str
    table: str
    path: str
    told: str
    selects: tuple[Select, ...]
    languages: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[ViewColumn, ...]:
        """Its columns."""
        return self.selects[0].columns


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
        self._languages = languages_of(schema)
        self._first = self._languages[0] if self._languages else Language("", ())
        self._labels = labels_of_lists(schema, self._languages, self._first.code)
        self._labels_in = {
            one.code: labels_of_lists(schema, self._languages, one.code) for one in self._languages
        }

    def views(self, further: Collection[str]) -> Iterator[View]:
        for shown in self._shown:
            yield self._view(shown, _FULL, shown.labelled())
        if choices := self._choices():
            first = self._shown[0].table.name
            yield View(self._name(self._schema.form_name, _CHOICES), first, "", "", choices)
        if WIDE in further:
            for shown in self._shown:
                yield from self._wide(shown)
        if GEO in further:
            for shown in self._shown:
                if columns := tuple(_geometries_of(shown)):
                    yield self._view(shown, GEO, (*shown.keys, *columns))
        for language in self._languages:
            for shown in self._shown:
                columns = shown.labelled(self._labels_in[language.code])
                yield self._view(shown, language.code, columns, language)

    def _view(
        self, shown: Shown, ending: str, columns: tuple[ViewColumn, ...], language: Language | None = None
    ) -> View:
        table, name = shown.table, self._name(shown.table.name, ending)
        told = language.names[0] if language else ""
        names = (*(language.names if language else ()), *self._first.names)
        return View(name, table.name, table.path, told, (Select(shown.sources, columns),), names)

    def _wide(self, shown: Shown) -> Iterator[View]:
        """Yield the view of the choices of a table, and further ones for more columns than one may have."""
        taken = {fold(column.name) for column in shown.keys}
        columns = []
        for answers in shown.answers:
            for choice, label in self._choices_of(answers):
                ending = slug(choice) or "_"
                name = derived_name(answers.name, ending, lambda one: fold(one) in taken, _LONGEST)
                taken.add(fold(name))
                value = Has(answers.text, choice)
                columns.append(answers.column(name, value, _CHOICE, (choice, label)))
        for start in range(0, len(columns), _MOST_CHOICES):
            number = start // _MOST_CHOICES + 1
            ending = WIDE if number == 1 else f"{WIDE}_{number}"
            yield self._view(shown, ending, (*shown.keys, *columns[start : start + _MOST_CHOICES]))

    def _choices_of(self, answers: Answers) -> Pairs:
        """Return the choices of a question that may have several."""
        choices = answers.choices(self._labels) if answers.takes_many else ()
        return tuple((name, label) for name, label in choices if " " not in name)

    def _choices(self) -> tuple[Select, ...]:
        """Return a select for each question that has choices, with their labels in each language."""
        asked = [
            (shown, answers)
            for shown in self._shown
            for answers in shown.answers
            if answers.takes_one or answers.takes_many
        ]
        number = sum(len(answers.choices(self._labels)) for _, answers in asked) * len(self._languages)
        labels_in = self._labels_in if number <= _MOST_LABELS else {}
        return tuple(_choices_of(shown, answers, self._labels, labels_in) for shown, answers in asked)

    def _name(self, table: str, ending: str) -> str:
        name = derived_name(table, ending, lambda one: fold(one) in self._taken, _LONGEST)
        self._taken.add(fold(name))
        return name


def _choices_of(
    shown: Shown,
    answers: Answers,
    labels: Mapping[str, Pairs],
    labels_in: Mapping[str, Mapping[str, Pairs]],
) -> Select:
    """Return a row for each choice of each answer to a question, with its label in each language."""
    key, kobo_id = (next(c for c in shown.keys if c.name == name) for name in (KEY, KOBO_ID))
    choice: Value = Word() if answers.takes_many else answers.text
    values: dict[str, Value] = {
        "table_name": Constant(shown.table.name),
        KOBO_ID: kobo_id.value,
        KEY: key.value,
        "question": Constant(answers.question),
        "position": WordPlace() if answers.takes_many else Constant(1),
        "choice": choice,
        _LABEL: Label(choice, answers.choices(labels)),
    }
    told = {f"{_LABEL}_{code}": Label(choice, answers.choices(of)) for code, of in labels_in.items()}
    columns = (
        *(ViewColumn(name, value, name) for name, value in values.items()),
        *(ViewColumn(name, value, _LABEL) for name, value in told.items()),
    )
    words = answers.text if answers.takes_many else None
    return Select(shown.sources, columns, words, choice)


def _geometries_of(shown: Shown) -> Iterator[ViewColumn]:
    """Yield two columns for each question about points, traces and shapes: as GeoJSON and as WKT."""
    names = [*(column.name for column in shown.keys), *(answers.name for answers in shown.answers)]
    taken = {*map(fold, names)}
    for answers in shown.answers:
        for facet, value in _geometry_of(answers):
            name = answers.name
            if facet == _WKT:
                name = derived_name(name, facet, lambda one: fold(one) in taken, _LONGEST)
            taken.add(fold(name))
            yield answers.column(name, value, facet)


def _geometry_of(answers: Answers) -> Iterator[tuple[str, Value]]:
    """Yield what the answers to a question are as geometries, in each spelling.

    A point has numbers of its own, whatever the question asks for now.
    """
    facets, found = answers.facets, dict[str, list[Value]]()
    if answers.holds_points:
        found[_GEOJSON] = [Point(facets["lon"], facets["lat"], facets["alt"])]
        found[_WKT] = [PointText(facets["lon"], facets["lat"])]
    is_outline = _LINES.get(answers.newest.question_type or "")
    if is_outline is not None:
        for facet in (_GEOJSON, _WKT):
            line = Line(answers.text, is_outline=is_outline, as_text=facet == _WKT)
            found.setdefault(facet, []).append(line)
    for facet, values in found.items():
        yield facet, values[0] if len(values) == 1 else First(tuple(values))
