"""Exports read back: every cell of a file as Python has it, by code that does not know how it was written."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pyarrow.parquet

from tests.support.forms.viewed import Viewed

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Types = Mapping[str, Mapping[str, str]]
"""What a data package calls the type of each column, by table and name."""
_CSV = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\r\n"]*))(,|\r\n)')
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001
_HIDDEN = re.compile(r"_x([0-9A-F]{4})_")
_AROUND = ("codebook", "about", "long_texts")


def read_csv(raw: bytes) -> list[list[str | None]]:
    """The lines of a CSV file; None where nothing stands between two commas."""
    assert raw.startswith(b"\xef\xbb\xbf")
    text, lines, at = raw[3:].decode(), [[]], 0  # type: tuple[str, list[list[str | None]], int]
    while at < len(text):
        found = _CSV.match(text, at)
        assert found, text[at : at + 80]
        quoted, plain, end = found.groups()
        lines[-1].append(quoted.replace('""', '"') if quoted is not None else plain or None)
        if end != ",":
            lines.append([])
        at = found.end()
    return lines[:-1]


def rows_of_csv(raw: bytes, types: Mapping[str, str]) -> list[Row]:
    """The rows of a CSV file."""
    names, *lines = read_csv(raw)
    read = [_FROM_TEXT[types[str(name)]] for name in names]
    return [
        {str(n): None if c is None else r(c) for n, r, c in zip(names, read, line, strict=True)}
        for line in lines
    ]


def package_of(file: Path) -> dict[str, Any]:
    """The data package in a zip."""
    with ZipFile(file) as archive:
        found: dict[str, Any] = json.loads(archive.read("datapackage.json"))
    return found


def types_of(package: Mapping[str, Any]) -> Types:
    """The types of all columns of a data package."""
    return {
        resource["path"].removesuffix(".csv"): {f["name"]: f["type"] for f in resource["schema"]["fields"]}
        for resource in package["resources"]
    }


def read_export(file: Path, types: Types) -> Tables:
    """The tables that an export holds, the codebook and its like apart."""
    if file.suffix == ".xlsx":
        return {n: rows for n, rows in _sheets(file, types).items() if n not in _AROUND}
    with ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    found: Tables = {}
    for name, raw in files.items():
        table, _, ending = name.rpartition(".")
        if ending == "parquet":
            found[table] = pyarrow.parquet.read_table(io.BytesIO(raw)).to_pylist()
        elif ending == "csv" and table not in _AROUND:
            found[table] = rows_of_csv(raw, types[table])
    return found


def cells_of(file: Path) -> dict[str, list[list[Any]]]:
    """The cells of each sheet, with None where there are none."""
    with ZipFile(file) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314  # our own
        names = [one.attrib["name"] for one in book.iter(f"{_MAIN}sheet")]
        return {
            name: list(_lines(archive.read(f"xl/worksheets/sheet{number}.xml")))
            for number, name in enumerate(names, 1)
        }


def _sheets(file: Path, types: Types) -> Tables:
    """The tables of a workbook: names that were cut, rows and texts that go on elsewhere are put together."""
    cells = cells_of(file)
    long: dict[tuple[str, int, str], str] = {}
    for sheet, row, column, _, text in cells.get("long_texts", [[]])[1:]:
        long[sheet, row, column] = long.get((sheet, row, column), "") + text
    renamed = {
        name.removeprefix("sheet "): text.removeprefix("rows of ")
        for name, text in cells["about"]
        if name.startswith("sheet ")
    }
    found: Tables = {}
    for sheet, (header, *lines) in cells.items():
        if sheet in _AROUND:
            continue
        table = renamed.get(sheet, sheet)
        assert [*types[table]] == header
        kinds = types[table]
        for number, line in enumerate(lines, 2):
            row = dict(zip(header, line + [None] * (len(header) - len(line)), strict=True))
            told = {n: long.get((sheet, number, n), cell) for n, cell in row.items()}
            found.setdefault(table, []).append({n: _typed(c, kinds[n]) for n, c in told.items()})
        found.setdefault(table, [])
    return found


def _typed(cell: Any, kind: str) -> Any:
    """A cell of a workbook as its column has it: what Excel has no type for is a text there."""
    if cell is None:
        return None
    if isinstance(cell, str):
        return _FROM_TEXT[kind](cell)
    if kind == "number":
        return float(cell)
    if kind == "date":
        return cell.date()
    return cell.time() if kind == "time" else cell


def _lines(raw: bytes) -> Iterator[list[Any]]:
    for row in ElementTree.fromstring(raw).iter(f"{_MAIN}row"):  # noqa: S314
        line: list[Any] = []
        for cell in row:
            assert cell.find(f"{_MAIN}f") is None
            at = _place(cell.attrib["r"])
            line += [None] * (at - len(line)) + [_cell(cell)]
        yield line


def _place(reference: str) -> int:
    number = 0
    for letter in re.match("[A-Z]+", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(letter) - 64
    return number - 1


def _cell(cell: ElementTree.Element) -> Any:
    kind, style = cell.get("t"), cell.get("s")
    if kind == "inlineStr":
        text = "".join(cell.itertext())
        return _HIDDEN.sub(lambda found: chr(int(found[1], 16)), text)
    value = cell.findtext(f"{_MAIN}v") or ""
    if kind == "b":
        return value == "1"
    if style in ("3", "4", "5"):
        return _EPOCH + timedelta(microseconds=round(Fraction(float(value)) * 86_400_000_000))
    return int(value) if re.fullmatch("-?[0-9]+", value) else float(value)


_FROM_TEXT: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "datetime": datetime.fromisoformat,
    "boolean": {"true": True, "false": False}.__getitem__,
}


class ExportViewed(Viewed):
    """The tables of an export, to be compared as views are.

    :param form: as :class:`Viewed` takes it.
    :param tables: what the export holds.
    :param language: whose labels it has.
    """

    def __init__(self, *form: Any, tables: Tables, language: str | None) -> None:
        super().__init__(*form)
        shown = {name: [_comparable(row) for row in rows] for name, rows in tables.items()}
        self._shown = {f"export of {name}": rows for name, rows in shown.items()}
        kinds = ("main", "declared", "repeat")
        of_rows = {name for name, row in self._tables.items() if row["kind"] in kinds}
        self.views = [
            {"table_name": f"export of {name}", "parent_table": name, "label": language}
            for name in tables
            if name in of_rows
        ]

    def _check_view(self, view: Row) -> None:
        """Each is of a table, whatever its name ends with; the catalog tells of views alone."""
        self._check(view["table_name"], view["parent_table"], view["label"])

    def _all(self, table: str) -> list[Row]:
        if table in self._shown:
            return self._shown[table]
        kinds = {c["column_name"]: c["kind"] for c in self._columns if c["table_name"] == table}
        read = {name: _STORED.get(kind, _same) for name, kind in kinds.items()}
        return [
            {name: None if cell is None else read[name](cell) for name, cell in row.items()}
            for row in super()._all(table)
        ]


def _same(cell: Any) -> Any:
    return cell


def _of_day(cell: str | time | timedelta) -> timedelta:
    if isinstance(cell, timedelta):
        return cell
    at = time.fromisoformat(cell) if isinstance(cell, str) else cell
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)


def _comparable(row: Row) -> Row:
    return {name: _of_day(cell) if isinstance(cell, time) else cell for name, cell in row.items()}


_STORED: Mapping[str, Any] = {
    "date": lambda cell: date.fromisoformat(cell) if isinstance(cell, str) else cell,
    "datetime": lambda cell: datetime.fromisoformat(cell) if isinstance(cell, str) else cell,
    "time": _of_day,
    "boolean": bool,
}
"""A cell as a driver gives it, as Python has it."""
