"""Question columns: which columns a question gets, and which one of them holds every answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from kobo_mirror.forms import naming, system_columns
from kobo_mirror.forms.definition import Question
from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, Status, TableKind
from kobo_mirror.forms.locked_names import LockedNames, facet_kind
from kobo_mirror.forms.question_types import FACETS, POINT_FACETS, Kind, is_point
from kobo_mirror.forms.table_growth import TableGrowth


class QuestionColumns:
    """The columns of all questions of a form, while they change.

    :param tables: of the form.
    :param version: the uid of the version that is read, or of the newest one.
    :param asked: the questions of that version, by path; empty where none is read.
    :param names: of columns that are locked.
    """

    def __init__(
        self,
        tables: Sequence[TableGrowth],
        version: str,
        asked: Mapping[str, Question],
        names: LockedNames,
    ) -> None:
        self._version, self._asked, self._names = version, asked, names
        self._holders: dict[str, dict[TableGrowth, None]] = {}
        self._newest: dict[str, Column] = {}
        for table in tables:
            for column in table.columns:
                self._holders.setdefault(column.path, {})[table] = None
                if column.path and column.facet == VALUE and table.kind is not TableKind.DECLARED:
                    self._note_newest(column)

    def _note_newest(self, column: Column) -> None:
        known = self._newest.get(column.path)
        if known is None or column.status not in (Status.NARROWED, Status.MOVED):
            self._newest[column.path] = column

    def holders(self, path: str) -> Collection[TableGrowth]:
        """Return the tables with columns of a question.

        :param path: of the question.
        """
        return tuple(self._holders.get(path, ()))

    def newest(self, path: str) -> Column | None:
        """Return the column that holds every answer to a question, or did before it moved.

        :param path: of the question.
        :returns: None: it has none, or a declared one alone.
        """
        return self._newest.get(path)

    def name_new(self, table: TableGrowth, paths: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, str]:
        """Name the first columns of questions, and keep the names for them.

        :param table: which gets the columns.
        :param paths: of the questions.
        :param kinds: of the columns.
        :returns: path → name.
        """
        locked = {path: self._locked(table, path, VALUE, kinds[path]) for path in paths}
        names = {path: name for path, name in locked.items() if name}
        names |= naming.name_all(
            [path for path in paths if path not in names],
            [*(column.name for column in table.columns), *self._names.names_in(table.chain)],
            is_reserved=lambda name: naming.is_reserved_column(name, system_columns.RESERVED_NAMES),
            longest=naming.LONGEST_COLUMN,
        )
        table.reserve(names.values())
        return names

    def name_counts(self, table: TableGrowth, repeats: Sequence[str]) -> dict[str, str]:
        """Name the columns that count the rows of repeats.

        :param table: where the lists stand.
        :param repeats: their paths.
        :returns: path → name.
        """
        locked = {path: self._locked(table, path, ROWS, Kind.INTEGER) for path in repeats}
        names = {path: name for path, name in locked.items() if name}
        ending = f"__{ROWS}"
        taken = (
            *(column.name for column in table.columns if column.facet == ROWS),
            *(name for name in self._names.names_in(table.chain) if name.endswith(ending)),
        )
        found = naming.name_all(
            [path for path in repeats if path not in names],
            [name.removesuffix(ending) for name in taken],
            is_reserved=lambda _: False,
            longest=naming.LONGEST_COLUMN,
        )
        return names | {path: name + ending for path, name in found.items()}

    def _locked(self, table: TableGrowth, path: str, facet: str, kind: Kind) -> str:
        name = self._names.column(table.chain, path, facet, kind)
        return "" if table.is_taken(name) else name

    def add_first(self, table: TableGrowth, path: str, name: str, kind: Kind) -> None:
        """Add the first columns that a question has in a table.

        :param table: where its answers are from now on.
        :param path: of the question.
        :param name: of its column.
        :param kind: of that.
        """
        before = self._newest.get(path)
        value = Column(
            name=name, path=path, facet=VALUE, kind=kind, first_version=self._version,
            last_version=self._version if path in self._asked or before is None else before.last_version,
        )  # fmt: skip
        if before is not None:
            value = replace(
                value, question_type=before.question_type, list_name=before.list_name, labels=before.labels,
                hints=before.hints, kuid=before.kuid, first_version=before.first_version,
                names_file=before.names_file,
            )  # fmt: skip
        self._add(table, value)

    def _add(self, table: TableGrowth, value: Column) -> None:
        table.add([value, *self._facets(table, value)])
        self._holders.setdefault(value.path, {})[table] = None
        self._newest[value.path] = value

    def hold_every_answer(self, table: TableGrowth, path: str, kind: Kind) -> None:
        """Let a column of a kind hold every answer to a question, and give a point its numbers.

        The column that did so far goes on with what fits it. One of that kind that did before does so again;
        else there will be a new one beside them.

        :param table: that has columns of the question already.
        :param path: of the question.
        :param kind: of the column.
        """
        before = self._newest.get(path)
        if before is None:
            return
        now = replace(before, first_version=self._version)
        if kind is not before.kind:
            table.narrow(path)
            if (known := table.value_of(path, kind)) is None:
                beside = replace(now, name=table.base_name(path), kind=kind)
                self._add(table, replace(beside, name=self._beside(table, beside, kind.value)))
            else:
                self._newest[path] = replace(known, status=before.status)
            table.restore(path, kind, before)
        elif self.is_point(path) and not table.has(path, POINT_FACETS[0]):
            table.add(list(self._facets(table, now)))

    def _beside(self, table: TableGrowth, column: Column, ending: str) -> str:
        """Return the name of a further column: the locked one, or one made of that of the first.

        :param column: with the name of the question's first column.
        """
        return self._locked(table, column.path, column.facet, column.kind) or naming.derived_name(
            column.name, ending, lambda name: table.is_taken(name) or self._names.has(table.chain, name)
        )

    def is_point(self, path: str) -> bool:
        """Return True if the answers to a question are points by any version.

        :param path: of the question.
        """
        asked = self._asked.get(path)
        if asked is not None and is_point(asked.question_type):
            return True
        return any(c.facet in POINT_FACETS for table in self.holders(path) for c in table.of(path))

    def _facets(self, table: TableGrowth, value: Column) -> Iterator[Column]:
        facets = FACETS.get(value.kind, ())
        if self.is_point(value.path):
            facets += POINT_FACETS
        base = table.base_name(value.path) or value.name
        for facet in facets:
            if not table.has(value.path, facet):
                kind = facet_kind(facet) or value.kind
                born = replace(value, name=base, facet=facet, kind=kind, names_file=False)
                yield replace(born, name=self._beside(table, born, facet))
