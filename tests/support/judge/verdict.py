"""Verdict: whether a row set is what docs/architecture.md says of a document, "From a document to rows".

An independent reader: it shares no code with ``submissions``, and reads the schema as data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kobo_mirror.forms.form_schema import FormSchema, Table
from kobo_mirror.submissions.row_set import Row, RowSet
from kobo_mirror.tolerant_json import OddValue
from tests.support.judge.attached import misplaced_files, odd_attachments
from tests.support.judge.facts import (
    ATTACHMENTS,
    IN_NO_COLUMN,
    OF_THE_SERVER,
    SYSTEM_KEYS,
    VALIDATION,
    value_columns,
)
from tests.support.judge.leaves import homeless
from tests.support.judge.reading import CannotHoldError, is_storable, point, read
from tests.support.judge.standing import ROOT, Reader, Steps, counted

Rejected = dict[tuple[str, str, str, str], tuple[Any, bool]]
"""Table, position, column and path → the answer, and whether it is several."""


def faults(
    schema: FormSchema,
    document: Mapping[str, Any],
    row_set: RowSet,
    declared: Mapping[str, Any] | None = None,
) -> list[str]:
    """What is wrong with a row set; nothing, if it is what the document says.

    :param declared: the cells of the declared table by question; None: there is none, or it rejects the
        submission.
    """
    return [
        *homeless(schema, document, row_set, declared),
        *_Judge(schema, document, row_set).faults(),
        *misplaced_files(schema, document, row_set),
    ]


class _Judge:
    """Compare each row with what should stand in it."""

    def __init__(self, schema: FormSchema, document: Mapping[str, Any], row_set: RowSet) -> None:
        self._reader = Reader(schema)
        self._standing = self._reader.read(document)
        tables = [t for t in schema.tables if t.kind.value not in ("declared", "files")]
        self._tables = {t.chain: t for t in tables if t.status.value != "moved"}
        self._document, self._row_set = document, row_set
        self._rejected: Rejected = {}

    def faults(self) -> Iterator[str]:
        found = {(row.table.name, row.position): row for row in self._row_set.rows}
        if len(found) < len(self._row_set.rows):
            yield "two rows have one key"
        named = {self._key(steps): steps for steps in self._standing.rows}
        yield from (f"no row {key}" for key in named.keys() - found.keys())
        yield from (f"a row too many: {key}" for key in found.keys() - named.keys())
        for key in named.keys() & found.keys():
            yield from self._row(named[key], found[key])
        yield from self._rejections()

    def _key(self, steps: Steps) -> tuple[str, tuple[int, ...]]:
        return self._table(steps).name, tuple(number for _, number in steps)

    def _table(self, steps: Steps) -> Table:
        return self._tables[tuple(path for path, _ in steps)]

    def _row(self, steps: Steps, row: Row) -> Iterator[str]:
        table = self._table(steps)
        asked = {column.path for column in table.columns if _holds(column.status.value, column.facet)}
        extra = dict(self._standing.elsewhere.get(steps, {}))
        cells: dict[str, Any] = {}
        for key, value in self._standing.answers.get(steps, {}).items():
            if key in asked:
                cells |= self._cells(table, row.pos, key, value)
            else:
                extra[key] = value
        where = f"{table.name} {row.pos}"
        here = {name: cell for name, cell in row.cells.items() if cell is not None}
        if steps == ROOT:
            here = {name: cell for name, cell in here.items() if name not in OF_THE_SERVER}
        for name in cells.keys() | here.keys():
            wanted, held = cells.get(name), here.get(name)
            if type(wanted) is not type(held) or repr(wanted) != repr(held):  # -0.0 is 0.0 to Python
                yield f"{where}.{name} is {held!r:.80}, not {wanted!r:.80}"
        yield from self._extra(steps, extra, row, where)
        counts = {column.path: column.name for column in table.columns if column.facet == "rows"}
        rows = {counts[path]: n for (at, path), n in counted(self._standing.rows).items() if at == steps}
        if rows != row.counts:
            yield f"{where} counts {row.counts}, not {rows}"

    def _extra(self, steps: Steps, extra: Mapping[str, Any], row: Row, where: str) -> Iterator[str]:
        found = dict(row.extra)
        if steps == ROOT:
            yield from self._extra_of_the_server(extra, found)
            found = {k: v for k, v in found.items() if k in extra or k not in SYSTEM_KEYS}
        if not _same(found, extra):
            yield f"extra of {where} has {sorted(found)}, not {sorted(extra)}, or other values"
        kept = json.loads(row.extra_text) if row.extra_text else {}
        if kept != _plain(row.extra):
            yield f"extra of {where} is written in another way"

    def _extra_of_the_server(self, extra: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with odd system values; leaves.py tells that those with values are all there."""
        for key in SYSTEM_KEYS - {"_id"} - extra.keys():
            sent, kept = self._document.get(key), found.get(key)
            if key == "_submission_time" and self._reader.declared:
                sent = None  # the declared table has it, or the payload
            if key == ATTACHMENTS:
                sent = odd_attachments(sent)
            elif kept is None and (sent or isinstance(sent, str | int) or key in IN_NO_COLUMN):
                continue
            elif key == VALIDATION and sent == {}:
                sent = None
            if not _same(kept, sent):
                yield f"extra has {key} = {kept!r:.80}, not {sent!r:.80}"

    def _cells(self, table: Table, pos: str, path: str, value: Any) -> dict[str, Any]:
        answer, is_several = _only_answer(path, value)
        columns = [c for c in table.columns if c.path == path and c.status.value != "moved"]
        facets = {column.facet: column.name for column in columns if column.facet not in ("value", "rows")}
        holding = {column.name for column in value_columns(table)}
        cells: dict[str, Any] = {}
        for column in columns:
            if column.facet != "value":
                continue
            kind = column.kind.value
            try:
                found = read(kind, answer)
            except CannotHoldError:
                if column.name in holding:
                    part = table.name if column.part == 1 else f"{table.name}__{column.part}"
                    self._rejected[part, pos, column.name, path] = (answer, is_several)
                continue
            cells[column.name] = found.cell
            if kind in ("time", "datetime"):
                cells[facets["offset"]] = found.offset
            if kind == "text" and "lat" in facets:
                cells |= dict(
                    zip((facets[f] for f in ("lat", "lon", "alt", "acc")), point(answer), strict=True)
                )
        return {name: cell for name, cell in cells.items() if cell is not None}

    def _rejections(self) -> Iterator[str]:
        found = {(r.table, r.pos, r.column, r.path): r for r in self._row_set.rejected}
        if len(found) < len(self._row_set.rejected):
            yield "a cell is rejected twice"
        yield from (f"not rejected: {key}" for key in self._rejected.keys() - found.keys())
        yield from (f"rejected: {key}" for key in found.keys() - self._rejected.keys())
        for key in found.keys() & self._rejected.keys():
            value, is_several = self._rejected[key]
            if not _is_kept_as(value, found[key].value):
                yield f"{key} is kept as {found[key].value!r:.80}, not as {value!r:.80}"
            if not found[key].reason or (found[key].reason == "several answers") != is_several:
                yield f"{key} is rejected since it {found[key].reason!r}"


def _holds(status: str, facet: str) -> bool:
    return status != "moved" and facet == "value"


def _only_answer(path: str, value: Any) -> tuple[Any, bool]:
    """The answer that a value is, and whether it is several."""
    if not isinstance(value, list):
        return value, False
    match value:
        case [{**inside}]:
            told = [(key, below) for key, below in inside.items() if below is not None]
            if len(told) == 1 and told[0][0] == path and isinstance(told[0][1], str):
                return told[0][1], False
    return value, True


def _is_kept_as(value: Any, text: str) -> bool:
    spelt = value.text if isinstance(value, OddValue) else value
    if isinstance(spelt, str) and is_storable(spelt):
        return text == spelt
    try:
        return text.isascii() and _same(json.loads(text), _plain(spelt))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, OddValue):
        return {"\udfff": value.text}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are not."""
    return json.dumps(_plain(one), sort_keys=True) == json.dumps(_plain(other), sort_keys=True)
