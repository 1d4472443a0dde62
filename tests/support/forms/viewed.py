"""Viewed: what the views of a form are to show, read from the catalog and the tables by other code than ours.

Names of columns are those of the tables, so of a question's columns the view is to have exactly one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from tests.support.forms.geometries import LINES, flat, is_plain, line_of, read_geojson, read_wkt
from tests.support.forms.shown_cells import NUMBERS, Row, cell_of, moment_of, rows, same, text_of

_ONE = ("select_one", "select_one_external", "rank__level", "score__row")
_POINTS = ("geopoint", "start-geopoint", "background-geopoint")
_MANY = ("select_multiple", "rank")
_WIDE = re.compile(r"__wide(_[0-9]+)?$")
_MOST_COLUMNS = 1010  # a thousand choices, and the keys
_TEXTS = {"text", "key", "json"}


class Viewed:
    """The views of one form.

    :param versions: uids, in the order of their numbers.
    :param languages: of the newest version, its first one first.
    """

    def __init__(self, engine: Engine, key: str, versions: Sequence[str], languages: Sequence[str]) -> None:
        self._engine = engine
        self._versions, self._first = {uid: n for n, uid in enumerate(versions)}, languages
        with engine.connect() as connection:
            told = {
                name: rows(connection, f"SELECT * FROM {name} WHERE asset_uid = :key", key=key)
                for name in ("kobo_tables", "kobo_columns", "kobo_choices", "kobo_view_columns")
            }
        tables = told["kobo_tables"]
        self.views = [row for row in tables if row["kind"] == "view"]
        self._tables = {row["table_name"]: row for row in tables if row["kind"] != "view"}
        self._columns, self._choices = told["kobo_columns"], told["kobo_choices"]
        self._asked: dict[tuple[str, ...], dict[str, list[Row]]] = {}
        self._told: dict[tuple[str | None, str | None], dict[str, str]] = {}
        self._described: dict[str, list[Row]] = {row["table_name"]: [] for row in self.views}
        for row in sorted(told["kobo_view_columns"], key=lambda row: int(row["position"])):
            self._described[row["view_name"]].append(row)

    def check(self) -> None:
        """Compare every view that has a row for each row of a table."""
        shown = {row["parent_table"] for row in self.views}
        wanted = {n for n, row in self._tables.items() if row["kind"] in ("main", "declared", "repeat")}
        assert shown == wanted
        for view in self.views:
            self._check_view(view)

    def _check_view(self, view: Row) -> None:
        self._check_described(view["table_name"])
        if view["table_name"].endswith("__geo"):
            self._check_places(view["table_name"], view["parent_table"])
        elif found := _WIDE.search(view["table_name"]):
            if not found[1]:  # the further ones are checked with the first
                self._check_wide(view["parent_table"])
        elif view["table_name"].endswith("__choices"):
            self._check_choices(view["table_name"])
        else:
            self._check(view["table_name"], view["parent_table"], view["label"])

    def _check(self, view: str, table: str, language: str | None) -> None:
        rows = self._rows_of(table)
        shown: dict[str, Row] = {}
        for row in self._all(view):
            assert shown.setdefault(row["key"], row) is row
        assert shown.keys() == {"-".join(map(str, key)) for key in rows}
        for key, here in rows.items():
            row = shown["-".join(map(str, key))]
            assert row.get("parent_key") == ("-".join(map(str, key[:-1])) if key[1:] else None)
            self._check_row(view, row, here, language)

    def _all(self, table: str) -> list[Row]:
        quote = self._engine.dialect.identifier_preparer.quote_identifier
        with self._engine.connect() as connection:
            return rows(connection, f"SELECT * FROM {quote(table)}")

    def _rows_of(self, table: str) -> dict[tuple[int, ...], dict[str, Row]]:
        """The rows of a table by their keys, each by its parts."""
        parts = {name: self._all(name) for name in self._sources(table)}
        first = parts[table][0] if parts[table] else {}
        keys = [name for name in ("kobo_id", "pos_1", "pos_2", "pos_3", "pos") if name in first]
        by_part = {n: {tuple(row[k] for k in keys): row for row in some} for n, some in parts.items()}
        return {key: {n: some.get(key) or {} for n, some in by_part.items()} for key in by_part[table]}

    def _check_choices(self, view: str) -> None:
        wanted: Counter[tuple[Any, ...]] = Counter()
        for table in {row["parent_table"] for row in self.views}:
            for key, parts in self._rows_of(table).items():
                for question, columns in self._questions(parts).items():
                    at = (table, key[0], "-".join(map(str, key)), question)
                    wanted.update((*at, *told) for told in self._chosen(columns, parts))
        names = ("table_name", "kobo_id", "key", "question", "position", "choice", "label")
        found = Counter(tuple(row[name] for name in names) for row in self._all(view))
        assert (found - wanted, wanted - found) == (Counter(), Counter())

    def _check_places(self, view: str, table: str) -> None:
        """Each place is there as GeoJSON and as WKT, as its answer or the numbers beside it say."""
        shown = {row["key"]: row for row in self._all(view)}
        names = {(d["question"], d["facet"]): d["column_name"] for d in self._described[view]}
        for key, parts in self._rows_of(table).items():
            row = shown.pop("-".join(map(str, key)))
            for question, columns in self._questions(parts).items():
                kind = columns[0]["question_type"]
                assert kind not in (*_POINTS, *LINES) or (question, "geojson") in names
                if (question, "geojson") in names:
                    found = read_geojson(row[names[question, "geojson"]])
                    assert read_wkt(row[names[question, "wkt"]]) == flat(found), (view, question)
                    filled = [c for c in columns if cell_of(c, parts) is not None]
                    lat = self._latitude(filled[0]["path"], parts) if filled else None
                    answer = text_of(cell_of(filled[0], parts), filled[0]["kind"]) if filled else ""
                    if lat is not None or kind not in LINES:
                        assert (found and found["coordinates"][1]) == lat, (view, question)
                    elif is_plain(answer):
                        assert found == line_of(answer, kind), (view, question)
        assert shown == {}

    def _latitude(self, path: str, parts: Mapping[str, Row]) -> Any:
        mine = [c for c in self._columns if (c["path"], c["facet"]) == (path, "lat")]
        return next((cell_of(c, parts) for c in mine if c["table_name"] in parts), None)

    def _check_described(self, view: str) -> None:
        """The catalog has the columns of a view in their order, each with a question that there is."""
        quote = self._engine.dialect.identifier_preparer.quote_identifier
        with self._engine.connect() as connection:
            there = [*connection.execute(text(f"SELECT * FROM {quote(view)} LIMIT 0")).keys()]
        assert [row["column_name"] for row in self._described[view]] == there
        asked = {column["question"] or column["path"] for column in self._columns}
        labels = {label for c in self._columns for label in json.loads(c["labels"] or "{}").values()}
        for row in self._described[view]:
            assert row["question"] is None or row["question"] in asked, (view, row)
            assert row["choice"] is not None or row["label"] in (None, *labels), (view, row)

    def _check_wide(self, table: str) -> None:
        """Each choice has a column that is 1 if the answer has it, 0 if not, NULL without an answer.

        A thousand of them are in a view, and what is left in further ones: together they have all.
        """
        of_table = [view["table_name"] for view in self.views if view["parent_table"] == table]
        views = [name for name in of_table if _WIDE.search(name)]
        assert all(len(self._described[view]) < _MOST_COLUMNS for view in views)
        names = {(d["question"], d["choice"]): d["column_name"] for v in views for d in self._described[v]}
        shown: dict[str, Row] = {}
        for row in (row for view in views for row in self._all(view)):
            shown.setdefault(row["key"], {}).update(row)
        for key, parts in self._rows_of(table).items():
            row = shown["-".join(map(str, key))]
            wanted: dict[str, int | None] = {}
            for question, columns in self._questions(parts).items():
                if columns[0]["question_type"] in _MANY:
                    lists = {column["list_name"] for column in columns}
                    filled = [c for c in columns if cell_of(c, parts) is not None]
                    words = text_of(cell_of(filled[0], parts), filled[0]["kind"]).split(" ") if filled else []
                    choices = {
                        c["name"] for c in self._choices if c["list_name"] in lists and " " not in c["name"]
                    }
                    wanted |= {names[question, n]: int(n in words) if filled else None for n in choices}
            keys = ("key", "parent_key", "kobo_id", "pos", *(f"pos_{n}" for n in (1, 2, 3)))
            assert {n: cell for n, cell in row.items() if n not in keys} == wanted, views

    def _chosen(self, columns: list[Row], parts: Mapping[str, Row]) -> Iterator[tuple[int, str, str]]:
        """The choices of an answer, each with its place and its label in the first language."""
        kind = columns[0]["question_type"]
        cells = (text_of(cell, c["kind"]) for c in columns if (cell := cell_of(c, parts)) is not None)
        answer = next(cells, "")
        labels: dict[str, str] = {}
        for column in columns:
            labels = self._labels(column, None) | labels
        words = [word for word in answer.split(" ") if word] if kind in _MANY else [answer]
        if kind in (*_ONE, *_MANY) and answer.strip(" "):
            yield from ((place, word, labels.get(word, word)) for place, word in enumerate(words, 1))

    def _questions(self, parts: Mapping[str, Row]) -> dict[str, list[Row]]:
        """The columns of each question, the newest first."""
        if known := self._asked.get(tuple(parts)):
            return known
        found: dict[str, list[Row]] = {}
        for column in self._columns:
            if column["table_name"] in parts and column["path"] and column["facet"] == "value":
                found.setdefault(column["question"] or column["path"], []).append(column)
        aged = {name: sorted(some, key=self._age, reverse=True) for name, some in found.items()}
        return self._asked.setdefault(tuple(parts), aged)

    def _sources(self, table: str) -> list[str]:
        tables = self._tables.values()
        rest = [row["table_name"] for row in tables if row["kind"] == "rest"]
        whole = [table, *(rest if self._tables[table]["kind"] == "declared" else ())]
        parts = [r["table_name"] for r in tables if r["kind"] == "part" and r["parent_table"] in whole]
        return [*whole, *parts]

    def _check_row(self, view: str, row: Row, parts: Mapping[str, Row], language: str | None) -> None:
        mine = [column for column in self._columns if column["table_name"] in parts]
        left = {*row} - {"key", "parent_key"}
        for column in mine:
            if column["path"] and column["facet"] not in ("value", "rows"):
                left -= {column["column_name"]}
            if not column["path"] or column["facet"] == "rows":
                name = column["column_name"]
                left -= {name}
                if column["facet"] != "id" and name in row and column["table_name"] == next(iter(parts)):
                    assert row[name] == parts[column["table_name"]].get(name), (view, name)
        for columns in self._questions(parts).values():
            names = {c["column_name"] for c in columns} & {*row}
            names |= {n for n in row if n.removesuffix("__answer") in {c["column_name"] for c in columns}}
            assert len(names) == 1, (view, names, columns)
            (name,) = names
            value = self._value(columns, parts, language)
            assert same(row[name], value), (view, name, row[name], value)
            left -= {name, f"{name}__local"}
            self._check_local(row, name, columns, parts)
        assert {n for n in left if not n.endswith(("__answer", "__local"))} == set(), view

    def _age(self, column: Row) -> tuple[int, str, bool]:
        number = self._versions.get(column["last_version"], -1)
        return number, column["path"], column["status"] not in ("narrowed", "moved")

    def _value(self, columns: list[Row], parts: Mapping[str, Row], language: str | None) -> Any:
        kinds = {column["kind"] for column in columns}
        labelled = any(self._labels(column, language) for column in columns) if language else False
        for column in columns:
            cell = cell_of(column, parts)
            if cell is None:
                continue
            if labelled:
                cell = text_of(cell, column["kind"])
                labels = self._labels(column, language)
                if labels and column["question_type"] in _MANY:
                    return "; ".join(labels.get(word, word) for word in cell.split(" ") if word)
                return labels.get(cell, cell)
            if len(kinds) > 1 and kinds <= NUMBERS:
                if column["kind"] == "integer" and abs(cell) > 2**53:
                    continue
                return float(cell)
            return cell if len(kinds) == 1 or kinds <= _TEXTS else text_of(cell, column["kind"])
        return None

    def _labels(self, column: Row, language: str | None) -> dict[str, str]:
        if column["question_type"] not in (*_ONE, *_MANY):
            return {}
        if (known := self._told.get((column["list_name"], language))) is not None:
            return known
        mine = [one for one in self._choices if one["list_name"] == column["list_name"]]
        told = {one["name"]: json.loads(one["labels"] or "{}") for one in mine}
        first = next((name for name in self._first if self._is_there(name)), None)
        found = {n: labels.get(language or first) or labels.get(first) or n for n, labels in told.items()}
        often = Counter(found.values())
        for name, label in found.items():
            found[name] = f"{label} [{name}]" if often[label] > 1 and label != name else label
        return self._told.setdefault((column["list_name"], language), found)

    def _is_there(self, language: str) -> bool:
        """Whether any label is in a language."""
        rows = (*self._columns, *self._choices)
        return any(language in json.loads(row["labels"] or "{}") for row in rows)

    def _check_local(self, row: Row, name: str, columns: list[Row], parts: Mapping[str, Row]) -> None:
        moments = [column for column in columns if column["kind"] == "datetime"]
        if not moments:
            return
        wanted = None
        for column in moments:
            part = parts[column["table_name"]]
            moment = part.get(column["column_name"])
            if moment is not None:
                (offset,) = (
                    parts[c["table_name"]].get(c["column_name"])
                    for c in self._columns
                    if c["path"] == column["path"] and c["facet"] == "offset" and c["table_name"] in parts
                )
                wanted = moment_of(moment) + timedelta(minutes=offset or 0)
                break
        local = next(n for n in row if n.startswith(name[:20]) and n.endswith("__local"))
        assert (row[local] and moment_of(row[local])) == wanted, (name, row[local], wanted)
