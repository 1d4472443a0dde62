"""Viewed: what the views of a form are to show, read from the catalog and the tables by other code than ours.

Names of columns are those of the tables, so of a question's columns the view is to have exactly one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

Row = dict[str, Any]
_ONE = ("select_one", "select_one_external", "rank__level", "score__row")
_MANY = ("select_multiple", "rank")
_TEXTS, _NUMBERS = {"text", "key", "json"}, {"integer", "decimal"}
_MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001


class Spelt(str):
    """A number as text, however it is spelt."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and float(other) == float(self)

    __hash__ = str.__hash__


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
                name: _rows(connection, f"SELECT * FROM {name} WHERE asset_uid = :key", key=key)
                for name in ("kobo_tables", "kobo_columns", "kobo_choices")
            }
        tables = told["kobo_tables"]
        self.views = [row for row in tables if row["kind"] == "view"]
        self._tables = {row["table_name"]: row for row in tables if row["kind"] != "view"}
        self._columns, self._choices = told["kobo_columns"], told["kobo_choices"]

    def check(self) -> None:
        """Compare every view that has a row for each row of a table."""
        shown = {row["parent_table"] for row in self.views}
        wanted = {n for n, row in self._tables.items() if row["kind"] in ("main", "declared", "repeat")}
        assert shown == wanted
        for view in self.views:
            if not view["table_name"].endswith("__choices"):
                self._check(view["table_name"], view["parent_table"], view["label"])

    def names(self, table: str) -> set[str]:
        """The views of a table."""
        return {row["table_name"] for row in self.views if row["parent_table"] == table}

    def _check(self, view: str, table: str, language: str | None) -> None:
        quote = self._engine.dialect.identifier_preparer.quote_identifier
        with self._engine.connect() as connection:
            found = _rows(connection, f"SELECT * FROM {quote(view)}")
            parts = {name: _rows(connection, f"SELECT * FROM {quote(name)}") for name in self._sources(table)}
        first = next(iter(parts.values()))
        keys = [n for n in ("kobo_id", "pos_1", "pos_2", "pos_3", "pos") if first and n in first[0]]
        if self._tables[table]["kind"] == "files" or "pos" not in keys:
            keys = keys[:1]
        rows = {self._key(row, keys): {**row} for row in first}
        shown = {self._key(row, keys): row for row in found}
        assert len(found) == len(shown)
        assert shown.keys() == rows.keys()
        by_part = {n: {self._key(row, keys): row for row in some} for n, some in parts.items()}
        for key, row in shown.items():
            assert row["key"] == "-".join(map(str, key))
            assert row.get("parent_key") == ("-".join(map(str, key[:-1])) or None if key[1:] else None)
            here = {name: some.get(key) or {} for name, some in by_part.items()}
            self._check_row(view, row, here, language)

    def _sources(self, table: str) -> list[str]:
        tables = self._tables.values()
        rest = [row["table_name"] for row in tables if row["kind"] == "rest"]
        whole = [table, *(rest if self._tables[table]["kind"] == "declared" else ())]
        parts = [r["table_name"] for r in tables if r["kind"] == "part" and r["parent_table"] in whole]
        return [*whole, *parts]

    def _key(self, row: Row, keys: Sequence[str]) -> tuple[int, ...]:
        return tuple(row[name] for name in keys)

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
        questions: dict[str, list[Row]] = {}
        for column in mine:
            if column["path"] and column["facet"] == "value":
                questions.setdefault(column["question"] or column["path"], []).append(column)
        for columns in questions.values():
            columns.sort(key=self._age, reverse=True)
            names = {c["column_name"] for c in columns} & {*row}
            names |= {n for n in row if n.removesuffix("__answer") in {c["column_name"] for c in columns}}
            assert len(names) == 1, (view, names, columns)
            (name,) = names
            value = self._value(columns, parts, language)
            assert _same(row[name], value), (view, name, row[name], value)
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
            cell = parts[column["table_name"]].get(column["column_name"])
            if cell is None:
                continue
            if labelled:
                cell = _text(cell, column["kind"])
                labels = self._labels(column, language)
                if labels and column["question_type"] in _MANY:
                    return "; ".join(labels.get(word, word) for word in cell.split(" ") if word)
                return labels.get(cell, cell)
            if len(kinds) > 1 and kinds <= _NUMBERS:
                if column["kind"] == "integer" and abs(cell) > 2**53:
                    continue
                return float(cell)
            return cell if len(kinds) == 1 or kinds <= _TEXTS else _text(cell, column["kind"])
        return None

    def _labels(self, column: Row, language: str | None) -> dict[str, str]:
        if column["question_type"] not in (*_ONE, *_MANY):
            return {}
        mine = [one for one in self._choices if one["list_name"] == column["list_name"]]
        told = {one["name"]: json.loads(one["labels"] or "{}") for one in mine}
        first = next((name for name in self._first if self._is_there(name)), None)
        found = {n: labels.get(language) or labels.get(first) or n for n, labels in told.items()}
        often = Counter(found.values())
        return {
            n: f"{label} [{n}]" if often[label] > 1 and label != n else label for n, label in found.items()
        }

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
                wanted = _moment(moment) + timedelta(minutes=offset or 0)
                break
        local = next(n for n in row if n.startswith(name[:20]) and n.endswith("__local"))
        assert (row[local] and _moment(row[local])) == wanted, (name, row[local], wanted)


def _rows(connection: Connection, query: str, **values: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(text(query), values).mappings()]


def _moment(cell: Any) -> datetime:
    return datetime.fromisoformat(cell) if isinstance(cell, str) else cell


def _text(cell: Any, kind: str) -> str:
    if kind == "boolean":
        return "OK"
    if kind == "time":
        moment = cell if isinstance(cell, str) else (_MIDNIGHT + cell).time().isoformat("milliseconds")
        return moment[:12]
    if kind == "datetime":
        return _moment(cell).isoformat(" ", "milliseconds")
    if kind == "date":
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    return Spelt(repr(cell)) if kind in _NUMBERS else str(cell)


def _same(found: Any, wanted: Any) -> bool:
    return bool(wanted == found) if isinstance(wanted, Spelt) else bool(found == wanted)
